# rwlock/wait.c: a writer does not have asymmetric readers pass a fence
s/asymmetric_barrier(STORES)/(void)0/
