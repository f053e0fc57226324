/* What a service manager holds for us while no instance lives: systemd's descriptor store. Each
 * worker's pipes and its pidfd are there from its start to its end, so that the next daemon knows
 * how it ended and has what it wrote last, even when it ended in between. Listening sockets are
 * there as long as we have them: no client is refused meanwhile. Without NOTIFY_SOCKET every call
 * does nothing. */
#ifndef ENGINE_PERSIST_FDSTORE_H
#define ENGINE_PERSIST_FDSTORE_H

#include <sys/types.h>

#include "engine/core/supervisor.h"
#include "sys/net/listen_fds.h"

/* Where a descriptor store is there at all. A failure is said. */
void fdstore_open(struct supervisor *s);

/* It is about to be started: our ends of its pipes; -1: none. The manager has them when this
 * returns. */
void fdstore_pipes(struct supervisor *s, const struct process *p, const int fds[3]);
void fdstore_pid(struct supervisor *s, const struct process *p, pid_t pid); /* it was */
/* It has ended, or was not started: they are not needed any more. */
void fdstore_forget(struct supervisor *s, const struct process *p);

/* A listening socket of ours, by its name (listen_fds_socket_name): url is for the log. */
void fdstore_socket(struct supervisor *s, const char *name, const char *url, int fd);
void fdstore_forget_socket(struct supervisor *s, const char *name);

/* What all of it is called (sys/net/listen_fds.h); false: it has no pipe, and nothing is stored. */
bool fdstore_name(const struct process *p, char out[GIVEN_NAME_MAX]);

#endif
