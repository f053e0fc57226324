/* Resource limits of the daemon (compat sections 8 and 10; design: "workers get the original"). */
#ifndef SYS_LIMITS_H
#define SYS_LIMITS_H

#include <stdbool.h>
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

#endif
