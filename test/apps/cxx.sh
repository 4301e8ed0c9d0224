# The C++ standard library's threads, every class that rests on this library's objects.
packages="g++ libc6-dev"
names="pthread_mutex_lock pthread_mutex_trylock pthread_mutex_clocklock pthread_mutex_timedlock
    pthread_rwlock_rdlock pthread_rwlock_wrlock pthread_rwlock_clockrdlock
    pthread_rwlock_clockwrlock pthread_cond_wait pthread_cond_clockwait pthread_cond_timedwait
    pthread_cond_broadcast pthread_once pthread_key_create pthread_setspecific"

prepare()
{
    ${CXX:-c++} -std=c++20 -Wall -Wextra -O2 -pthread -o "$out/cxx" "$here/cxx.cc"
}

check()
{
    under "$out/cxx" >output
    cat output
    # The tests are listed in the source, and each must have been run and found right.
    sed -n 's/^    {test_[a-z_]*, "\(.*\)"},$/\1 right/p' "$here/cxx.cc" >expected
    [ -s expected ] || fail "the list of tests was not found"
    diff expected output
}
