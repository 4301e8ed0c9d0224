/* Asynchronous reads, which libc makes threads for. */
#include <aio.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
    int ends[2];
    char byte = 0;
    if (pipe(ends))
        return 1;
    struct aiocb read = {.aio_fildes = ends[0], .aio_buf = &byte, .aio_nbytes = 1};
    if (aio_read(&read))
        return 2;
    if (write(ends[1], "x", 1) != 1)
        return 3;
    const struct aiocb *list[] = {&read};
    while (aio_error(&read) == EINPROGRESS)
        aio_suspend(list, 1, NULL);
    if (aio_return(&read) != 1 || byte != 'x')
        return 4;
    /* one that is cancelled, or ends because it could not be any more */
    if (aio_read(&read))
        return 5;
    int outcome = aio_cancel(ends[0], &read);
    if (outcome == AIO_CANCELED) {
        /* musl says so a moment before the request's own word does */
        while (aio_error(&read) == EINPROGRESS)
            aio_suspend(list, 1, NULL);
        return aio_error(&read) == ECANCELED ? 0 : 7;
    }
    if (outcome != AIO_NOTCANCELED || write(ends[1], "y", 1) != 1)
        return 6;
    while (aio_error(&read) == EINPROGRESS)
        aio_suspend(list, 1, NULL);
    return aio_return(&read) == 1 && byte == 'y' ? 0 : 8;
}
