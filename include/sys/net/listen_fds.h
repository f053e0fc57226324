/* Descriptors that a service manager has held for us while no instance lived (systemd's descriptor
 * store, sd_listen_fds(3)): the pipes of workers, pidfds, and listening sockets. They are put among
 * the things that an earlier image hands over (sys/store/handover.h), under the same names, and
 * taken from there. */
#ifndef SYS_NET_LISTEN_FDS_H
#define SYS_NET_LISTEN_FDS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "sys/store/handover.h"

#define GIVEN_NAME_MAX 32

/* What all that belongs to one start of a worker is called in the store; after one of its pipes. */
void listen_fds_name(char out[GIVEN_NAME_MAX], uint64_t pipe_inode);

/* And a listening socket; after a number that stands for what it is. */
void listen_fds_socket_name(char out[GIVEN_NAME_MAX], uint64_t key);

/* At the very start, where no image handed anything over: what is there becomes items of *h. What
 * is not ours is closed. False: no memory, and what was there is lost. */
bool listen_fds_read(struct handover *h);

/* The pidfd that was stored under that name, once; -1: there is none. h may be NULL. */
int listen_fds_pidfd(struct handover *h, const char *name);
int listen_fds_socket(struct handover *h, const char *name); /* the same */

#endif
