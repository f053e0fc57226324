/* One error value: what was tried, on what, and why it failed.
 *
 * Functions that can fail take a `struct err *` last and return false (or NULL). `e` may be NULL
 * where the caller does not care. Nothing below supervisord/ prints or exits. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>

enum err_code {
        ERR_NONE,
        ERR_SYS,      /* a system call failed; `sys` holds its errno */
        ERR_USAGE,    /* the caller asked for something that makes no sense */
        ERR_CONFIG,   /* the configuration is wrong */
        ERR_PROTOCOL, /* bytes from outside are malformed */
        ERR_NOMEM,    /* out of memory */
        ERR_BUSY,     /* taken by another process */
        ERR_NOENT,    /* no such thing */
        ERR_FOREIGN,  /* what is there is another user's doing, and is not touched */
};

struct err {
        enum err_code code;
        int sys; /* errno at the failure, or 0 */
        char text[512];
};

/* Fill *e and return false. With ERR_SYS the present errno is stored and its text appended
 * (": No such file or directory"). errno is preserved. Too long a text ends in "...". */
bool err_set(struct err *e, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Put context in front: "web.conf:7: " + text. Returns false. */
bool err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Fill *e with "out of memory" and return false. */
bool err_nomem(struct err *e);

#endif
