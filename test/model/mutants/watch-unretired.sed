# watch.c: one who gives up does not say so
# caught by watch-2-conditions
/^static enum watch_news retire/,/^}/s/!(state & RETIRED) &&/false \&\&/
