# cond.c: destroy does not wait for those who watch
/^static uint32_t enter/,/^}/s/return arch_fetch_add.*/return (void)cond, 0;/
/^static void leave/,/^}/s/    if (.*/    if (!cond)/
