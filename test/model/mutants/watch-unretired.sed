# watch.c: one who gives up does not say so
/^static enum watch_news retire/,/^}/s/!(state & RETIRED) &&/false \&\&/
