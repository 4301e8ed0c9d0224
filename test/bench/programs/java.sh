# Java's monitors: a bounded queue with synchronized, wait and notifyAll.
needs="java javac"
what="items through a synchronized queue"

prepare()
{
    run javac -d "$work" "$here/Items.java"
}

measure()
{
    under java -Xshare:auto -Xmx64m -cp "$work" Items
    # shellcheck disable=SC2046
    result $(cat "$work/output")
}
