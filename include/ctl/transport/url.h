/* Where the daemon listens, as the user wrote it (compat section 2). */
#ifndef CTL_TRANSPORT_URL_H
#define CTL_TRANSPORT_URL_H

#include <stdbool.h>

#include "base/err.h"

enum url_kind {
        URL_UNIX,
        URL_HTTP,
        URL_OTHER, /* a URL all right, but nothing that we can talk to */
};

struct url {
        enum url_kind kind;
        char *text; /* owned; as given, for messages */
        char *path; /* owned; the socket's path (unix), else NULL */
        char *host; /* owned; without brackets and user info (http), else NULL */
        char *port; /* owned; digits (http), else NULL */
};

/* False when it is not a URL ("value 'foo' is not a URL") or memory ran out; *out is empty then. */
bool url_parse(const char *text, struct url *out, struct err *e);
void url_release(struct url *u);

/* True for what the command `open` takes: http:// or unix:// and something behind it. */
bool url_is_usable(const struct url *u);

#endif
