/*
 * Two threads on SQLite. First both use one connection in serialized mode, where SQLite's own
 * recursive mutexes are all that keeps them apart; then each has its own connection to the
 * same file, which holds the two sums in step, and a third reads them. Prints what the
 * database contains at the end; any error of SQLite's ends the program with status 1.
 */
#include <pthread.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { SHARED_ROWS = 10000, OWN_ROWS = 1000 };

static const char *path;
static sqlite3 *shared;
static pthread_barrier_t start;
static atomic_bool writing = true;
static long reads, torn;

static void check(sqlite3 *db, int result, int wanted)
{
    if (result == wanted)
        return;
    fprintf(stderr, "sqlite: %d: %s\n", result, sqlite3_errmsg(db));
    exit(1);
}

static sqlite3 *open_database(void)
{
    sqlite3 *db;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX;
    check(NULL, sqlite3_open_v2(path, &db, flags, NULL), SQLITE_OK);
    check(db, sqlite3_busy_timeout(db, 30000), SQLITE_OK);
    check(db, sqlite3_exec(db, "PRAGMA synchronous = OFF", NULL, NULL, NULL), SQLITE_OK);
    return db;
}

static void run(sqlite3 *db, const char *sql)
{
    check(db, sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement;
    check(db, sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    return statement;
}

static int64_t number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement = prepare(db, sql);
    check(db, sqlite3_step(statement), SQLITE_ROW);
    int64_t result = sqlite3_column_int64(statement, 0);
    check(db, sqlite3_finalize(statement), SQLITE_OK);
    return result;
}

static void *write_shared(void *argument)
{
    int me = (int)(intptr_t)argument;
    sqlite3_stmt *insert = prepare(shared, "INSERT INTO item (value, writer) VALUES (?, ?)");
    sqlite3_stmt *count = prepare(shared, "UPDATE counter SET n = n + 1");

    pthread_barrier_wait(&start);
    for (int i = 0; i < SHARED_ROWS; i++) {
        check(shared, sqlite3_bind_int(insert, 1, i * 2 + me), SQLITE_OK);
        check(shared, sqlite3_bind_int(insert, 2, me), SQLITE_OK);
        check(shared, sqlite3_step(insert), SQLITE_DONE);
        check(shared, sqlite3_reset(insert), SQLITE_OK);
        check(shared, sqlite3_step(count), SQLITE_DONE);
        check(shared, sqlite3_reset(count), SQLITE_OK);
    }
    sqlite3_finalize(insert);
    sqlite3_finalize(count);
    return NULL;
}

static void *write_own(void *argument)
{
    (void)argument;
    sqlite3 *db = open_database();
    sqlite3_stmt *insert = prepare(db, "INSERT INTO own (value) VALUES (?)");

    pthread_barrier_wait(&start);
    for (int i = 0; i < OWN_ROWS; i++) {
        run(db, "BEGIN IMMEDIATE");
        check(db, sqlite3_bind_int(insert, 1, i), SQLITE_OK);
        check(db, sqlite3_step(insert), SQLITE_DONE);
        check(db, sqlite3_reset(insert), SQLITE_OK);
        run(db, "UPDATE counter SET n = n + 1");
        run(db, "COMMIT");
    }
    sqlite3_finalize(insert);
    sqlite3_close(db);
    return NULL;
}

static void *read_own(void *argument)
{
    (void)argument;
    sqlite3 *db = open_database();
    bool last;

    pthread_barrier_wait(&start);
    do {
        /* One read after the writers are done, so that there is at least one. */
        last = !atomic_load(&writing);
        torn += number(db, "SELECT (SELECT n FROM counter) <> (SELECT count(*) FROM own)");
        reads++;
    } while (!last);
    sqlite3_close(db);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t writer[2], reader;

    if (argc != 2) {
        fprintf(stderr, "usage: sqlite FILE\n");
        return 2;
    }
    path = argv[1];
    sqlite3_config(SQLITE_CONFIG_SERIALIZED);
    printf("serialized %d\n", sqlite3_threadsafe() == 1);

    shared = open_database();
    run(shared, "PRAGMA journal_mode = WAL");
    run(shared, "CREATE TABLE item (value INTEGER, writer INTEGER);"
                "CREATE INDEX by_value ON item (value);"
                "CREATE TABLE own (value INTEGER);"
                "CREATE TABLE counter (n INTEGER); INSERT INTO counter VALUES (0)");

    pthread_barrier_init(&start, NULL, 2);
    for (int i = 0; i < 2; i++)
        pthread_create(&writer[i], NULL, write_shared, (void *)(intptr_t)i);
    for (int i = 0; i < 2; i++)
        pthread_join(writer[i], NULL);
    pthread_barrier_destroy(&start);
    printf("one connection: rows %lld of %lld distinct, sum %lld\n",
           (long long)number(shared, "SELECT count(*) FROM item"),
           (long long)number(shared, "SELECT count(DISTINCT value) FROM item"),
           (long long)number(shared, "SELECT sum(value) FROM item"));
    printf("one connection: counter %lld\n", (long long)number(shared, "SELECT n FROM counter"));

    run(shared, "UPDATE counter SET n = 0");
    pthread_barrier_init(&start, NULL, 3);
    for (int i = 0; i < 2; i++)
        pthread_create(&writer[i], NULL, write_own, NULL);
    pthread_create(&reader, NULL, read_own, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(writer[i], NULL);
    atomic_store(&writing, false);
    pthread_join(reader, NULL);
    pthread_barrier_destroy(&start);
    printf("two connections: counter %lld\n", (long long)number(shared, "SELECT n FROM counter"));
    printf("two connections: %ld reads, %ld torn\n", reads, torn);
    printf("two connections: rows %lld\n", (long long)number(shared, "SELECT count(*) FROM own"));

    sqlite3_stmt *integrity = prepare(shared, "PRAGMA integrity_check");
    check(shared, sqlite3_step(integrity), SQLITE_ROW);
    printf("integrity %s\n", (const char *)sqlite3_column_text(integrity, 0));
    sqlite3_finalize(integrity);
    check(shared, sqlite3_close(shared), SQLITE_OK);
    return 0;
}
