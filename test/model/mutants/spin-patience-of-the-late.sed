# spinning.c: a nap that ended late counts in full, and whoever napped is patient for as long
# caught by spin-aside-for-long
s/if (aside->took > ticks_in(LONGEST))/if (false)/
