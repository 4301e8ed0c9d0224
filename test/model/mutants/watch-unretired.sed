# watch.c: one who gives up does not say so
/^enum watch_news watch_retire/,/^}/s/!(state & RETIRED) &&/false \&\&/
