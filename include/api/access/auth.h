/* Who may come in: HTTP basic authentication per server (compat section 19). Pure. */
#ifndef API_ACCESS_AUTH_H
#define API_ACCESS_AUTH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "model/config/config.h"

enum auth_verdict {
        AUTH_OPEN,    /* the server asks for no password */
        AUTH_OK,      /* it does, and it was right */
        AUTH_DENIED,  /* missing, another scheme, or wrong */
        AUTH_GARBLED, /* cannot be decoded */
};

/* `header` is the value of Authorization, or NULL. */
enum auth_verdict auth_check(const struct server_conf *server, const char *header);

/* Equal? The time taken depends on b's length only. */
bool same_secret(const char *a, size_t a_len, const char *b, size_t b_len);

#endif
