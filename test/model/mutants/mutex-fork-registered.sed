# mutex/any.c: a child of fork believes that the kernel knows its robust list
# caught by mutex-fork-robust-dies
s/generation != 0 && self.robust_generation == generation/self.robust_generation != 0/
