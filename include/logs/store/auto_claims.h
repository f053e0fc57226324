/* Which AUTO logs belong to a daemon that lives. Included by logs/logs.h. */
#ifndef LOGS_STORE_AUTO_CLAIMS_H
#define LOGS_STORE_AUTO_CLAIMS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* The AUTO logs of a daemon that lives are not removed by another one with the same identifier:
 * they are claimed before they are made, and until the daemon has ended. */
struct auto_claims {
        int fd;    /* owned: the directory, with the locks; -1: nothing is claimed */
        char *dir; /* owned: where that is tried; NULL: nowhere yet */
};
#define AUTO_CLAIMS_NONE ((struct auto_claims){ .fd = -1 })
/* In this directory from here on; no change where it is the present one. inherited: the descriptor
 * of the previous image, taken over; -1: there is none. False, once for each directory: nothing
 * can be claimed there. */
bool auto_claims_open(struct auto_claims *c, int inherited, const char *dir, struct err *e);
bool auto_claims_add(struct auto_claims *c, const char *path, struct err *e);
void auto_claims_release(struct auto_claims *c);
bool auto_log_is_claimed(int fd, const char *name, size_t len); /* by another holder than fd */

#endif
