/* What the configuration may ask the machine, as a table of operations: the rules in model/ stay
 * pure and testable, sys/host/host is the real one, tests bring their own. */
#ifndef BASE_HOST_H
#define BASE_HOST_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/strlist.h"

struct account {
        uid_t uid;
        gid_t gid; /* primary group */
        char name[64];
        char home[256];
        char shell[256]; /* "": none is named */
};

/* What a file may be that is read; never a directory, a socket or a disk. */
enum file_kind {
        FILE_ORDINARY, /* reading it waits for no other process: a regular file, /dev/null */
        FILE_OPEN,     /* or something that is open already: a pipe, a terminal (/dev/stdin) */
        FILE_AWAITED,  /* or a named pipe, whose writer is waited for */
};

struct host {
        const char *const *environ; /* "KEY=value", NULL-terminated; borrowed */
        const char *hostname;       /* uname -n; borrowed */
        const char *cwd;            /* borrowed */
        const char *tmpdir; /* borrowed: $TMPDIR, $TEMP, $TMP, /tmp (first that is a directory) */
        uid_t euid;

        /* Whole file into *out. False: *e says why, e->sys is its errno (0: of another kind). */
        bool (*read_file)(const struct host *w, const char *path, enum file_kind kind,
                          struct buf *out, struct err *e);
        /* Paths that match, sorted bytewise; none is no error. False: something could not be looked
         * into (*e); *out has the rest. */
        bool (*glob)(const struct host *w, const char *pattern, struct strlist *out, struct err *e);
        bool (*is_dir)(const struct host *w, const char *path);
        /* The same, without asking a disk that may not answer: 1, 0, or -1: it has to be asked. */
        int (*is_dir_at_once)(const struct host *w, const char *path);
        bool (*is_file)(const struct host *w, const char *path); /* exists and is no directory */
        /* False: ERR_NOENT, there is no such name, or else *e says why it could not be known. */
        bool (*user)(const struct host *w, const char *name_or_uid, struct account *out,
                     struct err *e);
        bool (*group)(const struct host *w, const char *name_or_gid, gid_t *out, struct err *e);
        /* All addresses of a host, in digits, in the order in which they are to be tried; they are
         * added to *out. False: none is known, and *e as above. True with an error: those that it
         * had before, because of that. */
        bool (*resolve)(const struct host *w, const char *host, struct strlist *out, struct err *e);
        /* Supplementary groups of the user, `first` in front. False: no memory or too many. */
        bool (*groups_of)(const struct host *w, const char *user, gid_t first, gid_t **list_out,
                          int *count_out);
};

#endif
