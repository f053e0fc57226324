/* The pipes of workers of an earlier daemon. */
#ifndef ENGINE_PERSIST_ADOPT_PIPES_H
#define ENGINE_PERSIST_ADOPT_PIPES_H

#include <stdbool.h>

#include "engine/core/supervisor.h"
#include "engine/core/worker.h"

/* Its writing end of stdin, which an adopted worker has from the first time that it is wanted: as
 * many descriptors as when it was started, one of which is its pidfd now. False: errno, ENOENT
 * where it has none. */
bool adopt_stdin(struct supervisor *s, const struct process *p);

/* The file of a log of it could not be opened, which the log thread found out afterwards: tried
 * again. False: it was not adopted. */
bool adopt_log_failed(struct supervisor *s, const struct process *p, bool is_stderr,
                      const struct err *why);

#endif
