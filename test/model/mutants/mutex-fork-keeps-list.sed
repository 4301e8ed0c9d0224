# self.c: a child of fork keeps the robust list of its parent
# caught by mutex-robust
s/^        self.robust.next = &self.robust;$/        ;/
