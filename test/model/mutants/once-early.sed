# once.c: done before the routine has returned
# caught by once-cancel
s/^            run_frame(routine, once);/            finish(once, DONE);\n            run_frame(routine, once);/
