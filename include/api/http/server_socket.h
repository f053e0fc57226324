/* Listening sockets of floor 3. See api/http/conn.h for the struct. */
#ifndef API_HTTP_SERVER_SOCKET_H
#define API_HTTP_SERVER_SOCKET_H

#include "api/http/conn.h"

/* Bind, listen, accept into the api's connections; says in the log what compat 16 says. NULL: *e
 * in the words of compat 8. */
struct listener *listener_open(struct api *a, const struct server_conf *conf, bool has_rpc,
                               struct err *e);
/* A Unix socket whose file has gone: a new one in its place. False: nothing changed. */
bool listener_renew(struct listener *l, struct err *e);
/* Let go of the address for another one that overlaps with it, and take it again. Connections stay
 * as they are. */
void listener_suspend(struct listener *l);
bool listener_take_again(struct listener *l, struct err *e);
/* For the next image in our place. False: no memory, or a name that cannot be told. */
bool listener_hand_over(const struct listener *l, struct strlist *items);
/* No more connections; the socket file goes if it is still ours. The struct lives as long as its
 * connections. */
void listener_close(struct listener *l);
void listener_unref(struct listener *l);
/* The same address, other settings. False: no memory, nothing changed. */
bool listener_update(struct listener *l, const struct server_conf *next, struct err *e);
bool listener_serves(const struct listener *l, const struct server_conf *c); /* same address */
void listeners_resume(struct api *a);                                        /* after api->pause */
void listeners_pause(struct api *a);

#endif
