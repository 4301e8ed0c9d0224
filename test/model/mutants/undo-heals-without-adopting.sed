# undo.c: two who heal a slot do not see each other
# caught by undo-heal
s/ || !arch_cas(name, found, me | ADOPTED))/)/
