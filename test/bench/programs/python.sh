# Python's queue.Queue, two threads that put and two that get.
needs="python3"
what="items through a queue"

measure()
{
    under python3 "$here/queue_of_python.py"
    # shellcheck disable=SC2046
    result $(cat "$work/output")
}
