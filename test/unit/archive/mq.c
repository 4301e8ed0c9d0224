/* A message queue's notification, which is a function run in a thread that libc makes. */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>

static sem_t notified;

static void on_message(union sigval value)
{
    (void)value;
    sem_post(&notified);
}

int main(void)
{
    static const char name[] = "/furwock-archive-test";
    struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = 8};
    mqd_t queue = mq_open(name, O_CREAT | O_RDWR, 0600, &attributes);
    if (queue == (mqd_t)-1)
        return errno == ENOSYS || errno == EACCES || errno == ENOENT ? 0 : 1;
    mq_unlink(name);
    sem_init(&notified, 0, 0);
    struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = on_message};
    if (mq_notify(queue, &event))
        return 2;
    if (mq_send(queue, "hello", 5, 0))
        return 3;
    sem_wait(&notified);
    return 0;
}
