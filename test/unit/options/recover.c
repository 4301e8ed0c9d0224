/* A process-shared read-write lock is held for writing by a process that is killed: is it had? */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(void)
{
    pthread_rwlock_t *lock =
        mmap(NULL, sizeof *lock, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_rwlockattr_t attr;
    pthread_rwlockattr_init(&attr);
    pthread_rwlockattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_rwlock_init(lock, &attr);
    pid_t child = fork();
    if (child == 0) {
        pthread_rwlock_wrlock(lock);
        raise(SIGKILL);
    }
    waitpid(child, NULL, 0);
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    time.tv_sec++;
    puts(pthread_rwlock_timedwrlock(lock, &time) == 0 ? "taken" : "not taken");
    return 0;
}
