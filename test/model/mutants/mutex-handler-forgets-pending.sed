# mutex/lock.c: a signal handler forgets which robust mutex was announced
s/arch_store_pointer(&self.robust.pending, before)/arch_store_pointer(\&self.robust.pending, NULL)/
