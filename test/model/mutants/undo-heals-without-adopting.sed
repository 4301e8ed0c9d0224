# undo.c: two who heal a slot do not see each other
s/ || !arch_cas(name, found, me | ADOPTED))/)/
