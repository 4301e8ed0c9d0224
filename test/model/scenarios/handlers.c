/* */
#include "scenarios.h"
const struct scenario handler_scenarios[] = {{.name = NULL}};
