/* Two threads insert into one SQLite database through one connection in serialized mode, in which
 * SQLite takes its mutexes around every call. Prints the
 * rows inserted a second. */
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { THREADS = 2, ROWS = 1000000 };

static sqlite3 *database;

static void check(int result, int wanted)
{
    if (result == wanted)
        return;
    fprintf(stderr, "insert: %s\n", sqlite3_errmsg(database));
    exit(1);
}

static void run(const char *sql)
{
    check(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
}

static sqlite3_stmt *prepare(const char *sql)
{
    sqlite3_stmt *statement;
    check(sqlite3_prepare_v2(database, sql, -1, &statement, NULL), SQLITE_OK);
    return statement;
}

static void *insert_rows(void *unused)
{
    (void)unused;
    sqlite3_stmt *insert = prepare("INSERT INTO item (value) VALUES (?)");
    for (int i = 0; i < ROWS; i++) {
        check(sqlite3_bind_int(insert, 1, i), SQLITE_OK);
        check(sqlite3_step(insert), SQLITE_DONE);
        check(sqlite3_reset(insert), SQLITE_OK);
    }
    check(sqlite3_finalize(insert), SQLITE_OK);
    return NULL;
}

static void expect_all_rows(void)
{
    sqlite3_stmt *count = prepare("SELECT count(*) FROM item");
    check(sqlite3_step(count), SQLITE_ROW);
    if (sqlite3_column_int(count, 0) != THREADS * ROWS) {
        fprintf(stderr, "insert: rows are missing\n");
        exit(1);
    }
    sqlite3_finalize(count);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(void)
{
    pthread_t threads[THREADS];
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX;

    sqlite3_config(SQLITE_CONFIG_SERIALIZED);
    check(sqlite3_open_v2(":memory:", &database, flags, NULL), SQLITE_OK);
    run("CREATE TABLE item (value INTEGER)");
    /* One transaction, so that the threads meet at the connection and not at its end. */
    run("BEGIN");
    const double start = now();
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, insert_rows, NULL) != 0)
            return 1;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    const double seconds = now() - start;
    run("COMMIT");
    expect_all_rows();
    printf("%.0f\n", THREADS * ROWS / seconds);
    return 0;
}
