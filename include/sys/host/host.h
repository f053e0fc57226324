/* The real struct host. Built once, before any thread. */
#ifndef SYS_HOST_HOST_H
#define SYS_HOST_HOST_H

#include "base/host.h"

const struct host *host_real(void); /* never NULL; not to be freed */

#endif
