/* The tables of all files. */
#include "model.h"

#include <stddef.h>

extern const struct scenario mutex_scenarios[], cond_scenarios[], sem_scenarios[], undo_scenarios[],
    barrier_scenarios[], rwlock_scenarios[], once_scenarios[], key_scenarios[], spin_scenarios[],
    self_scenarios[], model_scenarios[], progress_scenarios[], fork_scenarios[],
    handler_scenarios[], inheriting_scenarios[], rwlock_shared_scenarios[];

const struct scenario *const scenario_tables[] = {
    mutex_scenarios,
    cond_scenarios,
    sem_scenarios,
    undo_scenarios,
    barrier_scenarios,
    rwlock_scenarios,
    once_scenarios,
    key_scenarios,
    spin_scenarios,
    self_scenarios,
    model_scenarios,
    progress_scenarios,
    fork_scenarios,
    handler_scenarios,
    inheriting_scenarios,
    rwlock_shared_scenarios,
    NULL,
};
