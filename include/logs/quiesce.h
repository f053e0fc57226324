/* The log thread stands still while the process is replaced. Included by logs/logs.h. */
#ifndef LOGS_QUIESCE_H
#define LOGS_QUIESCE_H

#include <stdbool.h>

struct logs;

/* This process is about to be replaced (exec): what was asked for and said so far is done, and from
 * then on the thread touches nothing. False: it has not come to that within a second. */
bool logs_quiesce(struct logs *l);
void logs_go_on(struct logs *l); /* it was not replaced */

#endif
