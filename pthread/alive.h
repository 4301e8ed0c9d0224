/*
 * Whether those who hold a process-shared object still exist, and by which number this process is
 * known to others.
 *
 * A number of a process or thread says who it is only in one pid namespace. So an object keeps the
 * namespace of the process that made it, and processes of another one name themselves nowhere, and
 * judge nobody. Who can be asked and has not answered "gone" is alive: whatever a sandbox says, and
 * after a number was given again, a process's to another process.
 */
#ifndef FURWOCK_ALIVE_H
#define FURWOCK_ALIVE_H

#include "self.h"

/* The kernel's PID_MAX_LIMIT. */
enum { PROCESS_BITS = 22 };

/* Find out self.process, for the fork generation. */
void alive_learn(void);

static inline const struct process *alive_process(void)
{
    uint32_t generation = arch_load_relaxed(&wiped->generation);
    if (unlikely(generation == 0 || self.process.generation != generation))
        alive_learn();
    return &self.process;
}

/* The number of the pid namespace; 0 if it is not known. */
static inline uint32_t alive_namespace(void)
{
    return alive_process()->namespace;
}

/* The id of the calling process, if it is of that namespace; else 0. */
static inline uint32_t alive_pid(uint32_t namespace)
{
    const struct process *process = alive_process();
    return likely(process->namespace == namespace) ? process->pid : 0;
}

/* The same, 0 also if it has yet to be found out. */
static inline uint32_t alive_pid_known(uint32_t namespace)
{
    uint32_t generation = arch_load_relaxed(&wiped->generation);
    bool known = generation != 0 && self.process.generation == generation;
    return likely(known && self.process.namespace == namespace) ? self.process.pid : 0;
}

/* Has the process, of the caller's namespace, ended? A zombie has. */
bool alive_process_is_gone(uint32_t pid);
/* Has the thread? The end of a process's initial thread is that of the process. */
bool alive_thread_is_gone(uint32_t tid);

/* FURWOCK=recover: while the library is loaded. */
void alive_recover(void);
extern bool alive_recovers __attribute__((visibility("hidden")));
/* Tell on standard error that a dead thread's lock is given on; its tid is 0 if it is not known. */
void alive_report(const char *what, const void *object, uint32_t tid);

#endif
