# barrier.c: who gives up may have been counted in
s/if (found \/ ROUND != arrived \/ ROUND)/if (false)/
