# mutex/lock.c: a signal handler forgets which robust mutex was announced
# caught by mutex-handler-robust-dies
s/arch_store_pointer(&self.robust.pending, before)/arch_store_pointer(\&self.robust.pending, NULL)/
