/* The listening sockets of [fcgi-program:x] (compat section 18): one per program, bound when its
 * group is made and open for the group's life, so that no client is refused while workers are down.
 * Programs of several groups that name the same socket share it. Owns group->engine. */
#ifndef ENGINE_SOCKETS_FCGI_H
#define ENGINE_SOCKETS_FCGI_H

#include <stdbool.h>

#include "base/err.h"
#include "engine/core/supervisor.h"

struct fcgi_socket;

/* Bind and listen for every FastCGI program of the group; nothing to do for other groups. Called
 * again after the group's programs changed, it opens what is new, closes what is not wanted any
 * more and does not touch the rest. False: *e ("Could not create FastCGI socket ..."); what was
 * open before the call stays. */
bool fcgi_open(struct supervisor *s, struct group *g, struct err *e);

/* Before anything is touched: every socket that the configuration wants and that is not open yet is
 * bound, for fcgi_open to take. False: *e, and what was bound is let go of. */
bool fcgi_bind(struct supervisor *s, const struct config *next, struct err *e);
/* What fcgi_open has not taken is closed. */
void fcgi_bound_release(struct supervisor *s);
/* Could the group's sockets be bound? Nothing stays bound, and no socket is taken over. */
bool fcgi_try(struct supervisor *s, const struct group_conf *next, struct err *e);

/* Borrowed, blocking; to be duplicated as a worker's descriptor 0. -1: no FastCGI program, or not
 * open. */
int fcgi_socket(const struct fleet *f);

struct strlist;
/* For the next image in our place: every socket. False: no memory. */
bool fcgi_hand_over(struct supervisor *s, struct strlist *items);

/* Names of those in the descriptor store (engine/persist/fdstore.h). False: no memory. */
bool fcgi_stored_names(const struct supervisor *s, struct strlist *names);

/* The group goes: close, and remove the paths that are still ours. Fine when nothing is open. */
void fcgi_close(struct supervisor *s, struct group *g);

#endif
