# rwlock/wait.c: a writer does not have asymmetric readers pass a fence
# caught by rwlock-asymmetric buffered
s/asymmetric_barrier(STORES)/(void)0/
