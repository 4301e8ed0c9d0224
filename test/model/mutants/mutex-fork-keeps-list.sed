# self.c: a child of fork keeps the robust list of its parent
s/^        self.robust.next = &self.robust;$/        ;/
