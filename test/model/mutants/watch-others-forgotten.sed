# watch.c: one who takes the slot over again says nothing of those who lost it
# caught by watch-slot-lost
s/company == AMONG_OTHERS ? WATCHED | RETIRED : WATCHED;/company == AMONG_OTHERS ? WATCHED : WATCHED;/
