/* */
#include "scenarios.h"
const struct scenario fork_scenarios[] = {{.name = NULL}};
