# mutex/bias.c: a bias is revoked without a membarrier
# caught by bias-revoked
s/asymmetric_barrier(SEQUENCES);/(void)0;/
