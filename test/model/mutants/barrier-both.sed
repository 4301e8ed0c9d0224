# barrier.c: who gives up may have been counted in
# caught by barrier-timed
s/if (found \/ ROUND != arrived \/ ROUND)/if (false)/
