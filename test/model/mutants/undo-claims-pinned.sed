# undo.c: a slot is taken from a process that has permits in it
# caught by undo-death
s/while ((found & (PINS | ADOPTED)) == 0)/while ((found \& ADOPTED) == 0)/
