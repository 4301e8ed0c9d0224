# barrier.c: who gives up stays counted
# caught by barrier-timed
s/&found, found - 1)/\&found, found)/
