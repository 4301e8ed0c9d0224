# rwlock/rows.h: a reader enters its slot without a fence
# caught by rwlock-visible buffered
s/bool unseen = (state & ASYMMETRIC) || alone();/bool unseen = true;/
