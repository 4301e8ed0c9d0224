# park.c: the kernel says try again, and it is not tried again
# caught by mutex-inherit-unlock-again
s/while (result == -EAGAIN || result == -EINTR)/while (result == -EINTR)/
