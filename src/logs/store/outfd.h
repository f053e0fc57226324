/* Something to write a log to, whatever it is, such that writing never waits. */
#ifndef LOGS_STORE_OUTFD_H
#define LOGS_STORE_OUTFD_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "sys/sys.h"

enum out_kind {
        OUT_FILE,   /* regular */
        OUT_OWN,    /* pipe, terminal, device, with O_NONBLOCK on a file description of our own */
        OUT_SOCKET, /* a duplicate; each send says that it will not wait */
        OUT_SHARED, /* a duplicate that could not be opened anew: its flags are not ours to set */
};

struct outfd {
        int fd; /* -1: none */
        enum out_kind kind : 8;
        bool is_fifo; /* may raise SIGPIPE */
        bool is_tty;
        bool named; /* has a name of its own in the file system; not /dev/stdout and the like */
};

#define OUTFD_NONE ((struct outfd){ .fd = -1 })

/* Open for appending, made with this mode when missing; owner as in sys/store/guarded.h.
 * /dev/stdout, /dev/stderr, /dev/fd/N and /proc/self/fd/N mean the daemon's own descriptor, also
 * where it cannot be opened by name. */
bool outfd_open(struct sys *sys, const char *path, uid_t owner, mode_t mode, struct outfd *out,
                struct err *e);
void outfd_close(struct sys *sys, struct outfd *o);

/* As write(2), but never waits and never raises SIGPIPE: -1 and EAGAIN when it would. */
ssize_t outfd_write(struct sys *sys, const struct outfd *o, const void *data, size_t len);

/* Whether this errno means that what is written there will never be read. */
bool outfd_is_gone(const struct outfd *o, int error);

#endif
