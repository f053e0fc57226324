/* Who may come in: HTTP basic authentication per server, and what a TCP server lets strangers do.
 * compat section 19; the JSON API's first paragraph. Pure. */
#ifndef API_AUTH_H
#define API_AUTH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "model/config.h"

enum auth_verdict {
        AUTH_OPEN,    /* the server asks for no password */
        AUTH_OK,      /* it does, and it was right */
        AUTH_DENIED,  /* missing, another scheme, or wrong */
        AUTH_GARBLED, /* cannot be decoded */
};

/* `header` is the value of Authorization, or NULL. */
enum auth_verdict auth_check(const struct server_conf *server, const char *header);

/* Is `host` (the value of a Host header, NULL: none) a name that only this machine's own users
 * would type: an address, localhost, the server's own host, the machine's name? Anything else may
 * be a web page's name that was pointed here (DNS rebinding). */
bool auth_host_is_ours(const char *host, const struct server_conf *server, const char *hostname);
/* Origin (NULL: none) is the same as what was asked for. */
bool auth_origin_is_ours(const char *origin, const char *host);

/* base64 with padding; appends. False: not base64. */
bool base64_decode(const char *text, struct buf *out);

void sha1_hex(const void *data, size_t len, char hex[41]);

/* Equal? The time taken depends on b's length only. */
bool same_secret(const char *a, size_t a_len, const char *b, size_t b_len);

#endif
