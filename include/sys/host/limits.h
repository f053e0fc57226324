/* Resource limits of the daemon (compat 8 and 10). Workers get those that it was
 * started with. */
#ifndef SYS_HOST_LIMITS_H
#define SYS_HOST_LIMITS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#include "base/err.h"
#include "base/log.h"

struct limits {
        struct rlimit nofile; /* what workers get: the original, its soft limit raised to minfds */
};

/* Check minfds and minprocs (raising hard limits too when root; compat 8 text on failure, INFO
 * lines as there), then raise our own NOFILE soft limit to the hard one. *out is what workers get.
 */
bool limits_apply(int minfds, int minprocs, struct limits *out, struct log *log, struct err *e);

/* So many descriptors, or as many as may be open, will come to be: the kernel's table gets its room
 * while there is one thread. Growing it under a second one waits for a grace period of RCU, 10 to
 * 15 ms for each doubling (expand_fdtable), in the midst of starts. Where it is refused, that is
 * what happens. */
void limits_make_room(int64_t descriptors);

#endif
