/* The one door: each row of a table (XML-RPC's methods, the routes of /v1, pages) says what it
 * does, and one function decides by caller, server and row whether it is done. So what a caller may
 * do on a server is the same whichever way he asks. Pure. */
#ifndef API_ACCESS_DOOR_H
#define API_ACCESS_DOOR_H

#include <stdbool.h>

#include "api/access/browser.h"
#include "engine/order/orders.h"

/* What a row does. Who may do one thing may do what stands before it. */
enum right {
        RIGHT_NONE,      /* says that the daemon lives: open to all who reach it */
        RIGHT_READ,      /* shows */
        RIGHT_OPERATE,   /* starts, stops, signals and scales what is configured; its logs */
        RIGHT_CONFIGURE, /* takes another configuration into service */
        RIGHT_ADMIN,     /* ends the daemon, or begins it anew */
        RIGHT_OWNER,     /* runs a program of the caller's choice as the daemon's user */
};

struct door_ask {
        const struct server_conf *server; /* that was connected to */
        const struct caller *caller;
        const char *hostname;      /* of this machine; NULL: not known */
        const char *authorization; /* the header; NULL: none */
        struct browser_ask browser;
};

struct door_answer {
        int status;         /* 0: it may be done; else to be refused with */
        const char *why;    /* it is refused; static; NULL: the status says it */
        enum right granted; /* the most that the caller may have done, whatever this row is */
        bool knows_password;
};

struct door_answer door_decide(const struct door_ask *ask, enum right right);
/* Root, or the daemon's own user, by a Unix socket. */
bool door_is_owner(const struct caller *c);

#endif
