#ifndef X
#define X
#include "wait.h"
static inline int shared_read(struct rwlock *r, uint32_t k, struct wish w) { (void)r;(void)k;(void)w; return 95; }
static inline int shared_write(struct rwlock *r, uint32_t k, struct wish w) { (void)r;(void)k;(void)w; return 95; }
static inline int shared_unlock(struct rwlock *r, uint32_t k) { (void)r;(void)k; return 95; }
static inline bool shared_is_held(struct rwlock *r) { (void)r; return false; }
#endif
