/* The daemon's own identity. compat sections 8 and 10. */
#ifndef SYS_HOST_USER_H
#define SYS_HOST_USER_H

#include <stdbool.h>

#include "base/err.h"
#include "base/host.h"

/* Become this user for good: supplementary groups, gid, uid. Already that user: nothing. Texts of
 * compat 8
 * ("Can't drop privilege as nonroot user", ...). */
bool user_switch(const struct account *who, const struct host *w, struct err *e);

#endif
