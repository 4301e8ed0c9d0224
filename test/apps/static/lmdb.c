/*
 * LMDB from many threads and two processes. Accounts are in a memory-mapped database whose two
 * mutexes, robust and process-shared, lie in a mapped file, and every thread that reads has a slot
 * there which the destructor of a thread-specific key gives back.
 *
 * Writers of this process and of another move amounts between accounts, while generations of
 * short-lived readers look for a snapshot whose total is not what it always is. Then processes die
 * in the middle of a write, after which the database must be as before and not be locked. The
 * amounts depend on the writers' numbers alone, so the balances do not depend on their order.
 */
#include <lmdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    ACCOUNTS = 500,
    BALANCE = 1000,
    WRITERS = 3,
    TRANSFERS = 10000,
    READERS = 6,
    GENERATIONS = 200,
    READS = 15,
    DEATHS = 10,
};

static const char *path, *program;
static MDB_env *env;
static MDB_dbi accounts;
static atomic_long reads, torn;

static void check(int error, const char *what)
{
    if (error == MDB_SUCCESS)
        return;
    fprintf(stderr, "%s: %s\n", what, mdb_strerror(error));
    exit(1);
}

static MDB_txn *begin(unsigned flags)
{
    MDB_txn *txn;
    check(mdb_txn_begin(env, NULL, flags, &txn), "begin");
    return txn;
}

static void put(MDB_txn *txn, uint32_t account, int64_t balance)
{
    MDB_val key = {sizeof account, &account}, value = {sizeof balance, &balance};
    check(mdb_put(txn, accounts, &key, &value, 0), "put");
}

static void add(MDB_txn *txn, uint32_t account, int64_t amount)
{
    MDB_val key = {sizeof account, &account}, value;
    int64_t balance;
    check(mdb_get(txn, accounts, &key, &value), "get");
    memcpy(&balance, value.mv_data, sizeof balance);
    put(txn, account, balance + amount);
}

static void open_database(void)
{
    check(mdb_env_create(&env), "create");
    check(mdb_env_set_mapsize(env, 1 << 30), "map size");
    /* Enough for the readers of one generation only: slots of threads that ended must come back. */
    check(mdb_env_set_maxreaders(env, READERS + 2), "readers");
    check(mdb_env_open(env, path, MDB_NOSUBDIR | MDB_NOSYNC, 0600), "open");
    MDB_txn *txn = begin(0);
    check(mdb_dbi_open(txn, NULL, MDB_INTEGERKEY, &accounts), "accounts");
    check(mdb_txn_commit(txn), "commit");
}

static int64_t sum(uint64_t *checksum)
{
    MDB_txn *txn = begin(MDB_RDONLY);
    MDB_cursor *cursor;
    MDB_val key, value;
    int64_t total = 0, balance;
    int count = 0, error;

    check(mdb_cursor_open(txn, accounts, &cursor), "cursor");
    while ((error = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == MDB_SUCCESS) {
        memcpy(&balance, value.mv_data, sizeof balance);
        total += balance;
        count++;
        if (checksum)
            *checksum = (*checksum ^ (uint64_t)balance) * 1099511628211u;
    }
    if (error != MDB_NOTFOUND)
        check(error, "next");
    mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    return count == ACCOUNTS ? total : -1;
}

static void *write_transfers(void *argument)
{
    uint64_t random = (uint64_t)(intptr_t)argument;

    for (int i = 0; i < TRANSFERS; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        uint32_t from = (uint32_t)(random >> 33) % ACCOUNTS,
                 to = (uint32_t)(random >> 13) % ACCOUNTS;
        int64_t amount = (int64_t)(random >> 50);
        MDB_txn *txn = begin(0);
        add(txn, from, -amount);
        add(txn, to, amount);
        check(mdb_txn_commit(txn), "commit");
    }
    return NULL;
}

static void *read_totals(void *unused)
{
    for (int i = 0; i < READS; i++) {
        torn += sum(NULL) != (int64_t)ACCOUNTS * BALANCE;
        reads++;
    }
    return unused;
}

static pthread_t start(void *(*routine)(void *), intptr_t argument)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, routine, (void *)argument) != 0) {
        fprintf(stderr, "no thread\n");
        exit(1);
    }
    return thread;
}

/* LMDB must not be used across fork, so the other process starts anew. */
static pid_t start_process(const char *role)
{
    pid_t child = fork();
    if (child == 0) {
        execl(program, program, path, role, (char *)NULL);
        _exit(127);
    }
    return child;
}

static int end_of(pid_t child)
{
    int status = -1;
    waitpid(child, &status, 0);
    return status;
}

static void write_in_threads(intptr_t first)
{
    pthread_t writers[WRITERS];
    for (int i = 0; i < WRITERS; i++)
        writers[i] = start(write_transfers, first + i);
    for (int i = 0; i < WRITERS; i++)
        pthread_join(writers[i], NULL);
}

static void *read_in_generations(void *unused)
{
    pthread_t readers[READERS];
    for (int g = 0; g < GENERATIONS; g++) {
        for (int i = 0; i < READERS; i++)
            readers[i] = start(read_totals, 0);
        for (int i = 0; i < READERS; i++)
            pthread_join(readers[i], NULL);
    }
    return unused;
}

static void die_in_transaction(void)
{
    MDB_txn *txn = begin(0);
    for (uint32_t i = 0; i < ACCOUNTS; i++)
        put(txn, i, 0);
    kill(getpid(), SIGKILL);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: lmdb FILE\n");
        return 2;
    }
    program = argv[0];
    path = argv[1];
    open_database();
    if (argc == 3 && strcmp(argv[2], "die") == 0)
        die_in_transaction();
    if (argc == 3) {
        write_in_threads(WRITERS);
        mdb_env_close(env);
        return 0;
    }

    MDB_txn *txn = begin(0);
    for (uint32_t i = 0; i < ACCOUNTS; i++)
        put(txn, i, BALANCE);
    check(mdb_txn_commit(txn), "commit");

    pid_t other = start_process("write");
    pthread_t readers = start(read_in_generations, 0);
    write_in_threads(0);
    pthread_join(readers, NULL);
    printf("the other process: status %d\n", end_of(other));
    printf("%ld reads by %d threads, %ld torn\n", (long)reads, READERS * GENERATIONS, (long)torn);

    for (int i = 0; i < DEATHS; i++) {
        int status = end_of(start_process("die"));
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
            printf("a writer that was to die has status %x\n", status);
        write_transfers((void *)(intptr_t)(100 + i));
    }
    int dead = 0;
    check(mdb_reader_check(env, &dead), "reader check");

    uint64_t checksum = 14695981039346656037u;
    int64_t total = sum(&checksum);
    printf("%d accounts, total %lld, checksum %016llx\n", ACCOUNTS, (long long)total,
           (unsigned long long)checksum);
    mdb_env_close(env);
    return 0;
}
