# mutex/bias.c: a bias is revoked without a membarrier
s/asymmetric_barrier(SEQUENCES);/(void)0;/
