/* Going on with the workers of a daemon that died, or that we are the next image of. */
#ifndef ENGINE_PERSIST_ADOPT_H
#define ENGINE_PERSIST_ADOPT_H

#include <stdbool.h>

#include "engine/core/supervisor.h"
#include "engine/core/worker.h"

/* Every group has been made and nothing was started yet. Processes take up what their records say,
 * living workers are held and read again, what ended meanwhile is announced, what the configuration
 * does not know any more is stopped, what it wants otherwise is restarted. */
void adopt_everything(struct supervisor *s);

/* kill(2) to the worker or its group: an adopted one is signalled through its pidfd, so that it can
 * be no other. */
int adopt_kill(struct supervisor *s, const struct process *p, bool group, int sig);

/* Its writing end of stdin, which an adopted worker has from the first time that it is wanted: as
 * many descriptors as when it was started, one of which is its pidfd now. False: errno, ENOENT
 * where it has none. */
bool adopt_stdin(struct supervisor *s, const struct process *p);

/* The file of a log of it could not be opened, which the log thread found out afterwards: tried
 * again. False: it was not adopted. */
bool adopt_log_failed(struct supervisor *s, const struct process *p, bool is_stderr,
                      const struct err *why);

/* Its end is not waited for any more, whichever process it is. Returns whether it is a child of
 * ours, which is to be reaped. */
bool adopt_let_go(struct process *p);

/* The worker has ended, or is freed: let go of it. NULL is fine. */
void adopted_free(struct adopted *a);

#endif
