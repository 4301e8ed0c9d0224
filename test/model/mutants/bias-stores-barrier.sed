# mutex/bias.c: the membarrier of a revocation does not restart sequences
s/asymmetric_barrier(SEQUENCES);/asymmetric_barrier(STORES);/
