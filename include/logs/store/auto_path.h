/* The names of AUTO logs, and those of earlier daemons. Included by logs/logs.h. */
#ifndef LOGS_STORE_AUTO_PATH_H
#define LOGS_STORE_AUTO_PATH_H

#include <stdbool.h>

#include "base/err.h"
#include "base/log.h"
#include "logs/store/auto_claims.h"

/* Delete AUTO logs of earlier daemons (compat 10, AUTO cleanup), now: before anything is
 * supervised. `spare` is a NULL-terminated list of paths to leave, may be NULL; what others have
 * claimed stays, too. */
void logs_clean_auto(const char *childlogdir, const char *identifier, const char *const *spare,
                     const struct auto_claims *ours, struct log *log);
/* A fresh AUTO path: <dir>/<process>-<stdout|stderr>---<identifier>-<8 chars>.log. Only the name:
 * the stream makes the file, 0600. Caller frees. NULL: no memory. */
char *logs_auto_path(const char *childlogdir, const char *process, bool is_stderr,
                     const char *identifier, struct err *e);

#endif
