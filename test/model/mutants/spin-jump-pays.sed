# spinning.c: what came while the processor was taken away counts as the spin's
# caught by spin-through-a-jump
s/look >= spin->jump/false/
