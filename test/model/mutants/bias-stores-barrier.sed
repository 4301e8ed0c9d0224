# mutex/bias.c: the membarrier of a revocation does not restart sequences
# caught by bias-revoked
s/asymmetric_barrier(SEQUENCES);/asymmetric_barrier(STORES);/
