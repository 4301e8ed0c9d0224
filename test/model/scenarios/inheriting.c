/* */
#include "scenarios.h"
const struct scenario inheriting_scenarios[] = {{.name = NULL}};
