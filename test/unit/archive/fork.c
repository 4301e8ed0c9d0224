/* fork() from a thread: the child has that one alone, and makes others. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int children;

static void *count(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&mutex);
    children++;
    pthread_cond_signal(&cond);
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static void *join_parent(void *parent)
{
    exit(pthread_join(*(pthread_t *)parent, NULL) != 0 || children != 2);
}

static void *fork_one(void *unused)
{
    (void)unused;
    pid_t child = fork();
    if (child == 0) {
        static pthread_t me;
        pthread_t threads[2], last;
        me = pthread_self();
        for (int i = 0; i < 2; i++)
            pthread_create(&threads[i], NULL, count, NULL);
        pthread_mutex_lock(&mutex);
        while (children < 2)
            pthread_cond_wait(&cond, &mutex);
        pthread_mutex_unlock(&mutex);
        for (int i = 0; i < 2; i++)
            pthread_join(threads[i], NULL);
        pthread_create(&last, NULL, join_parent, &me);
        pthread_exit(NULL);
    }
    int status;
    waitpid(child, &status, 0);
    return (void *)(long)status;
}

int main(void)
{
    for (int i = 0; i < 100; i++) {
        pthread_t thread;
        void *status;
        if (pthread_create(&thread, NULL, fork_one, NULL) || pthread_join(thread, &status) ||
            status)
            return 1;
    }
    return 0;
}
