# cond.c: a broadcast wakes one and moves nobody
# caught by cond-broadcast
s/unpark_some_move_rest(.*);/unpark(\&cond->word, 1, PRIVATE, ANY);/
