# mutex/plain.c: one that has claimed gives up without taking the claim back
s/(!waiter.claimed || take_claim_back(mutex)))/true)/
