# barrier.c: who gives up stays counted
s/&found, found - 1)/\&found, found)/
