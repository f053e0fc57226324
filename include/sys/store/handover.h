/* What one image of the daemon leaves to the next that takes its place by exec, in the same
 * process: descriptors that stay open, and words. A list of "name=value" in a memfd, whose number
 * is in the environment. */
#ifndef SYS_STORE_HANDOVER_H
#define SYS_STORE_HANDOVER_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>

#include "base/err.h"
#include "base/strlist.h"

#define HANDOVER_ENV     "SUPERVISORD_HANDOVER"
#define HANDOVER_LIMIT_S 10

struct handover {
        struct strlist items; /* sorted */
        int list;             /* owned: the memfd; -1: there is none */
        struct strlist
            names;      /* sorted: of what was in the descriptor store (sys/net/listen_fds.h) */
        bool came_back; /* the image that we handed over to did not want to */
};

/* At the very start, before the environment is read: was anything left to this process? Every
 * descriptor of the list is close-on-exec again. *h is empty otherwise. */
bool handover_read(struct handover *h);
void handover_release(struct handover *h);

const char *handover_word(const struct handover *h, const char *name); /* NULL: not there */
/* The descriptor of that name, once: from now on it is the caller's. -1: not there. h may be NULL.
 */
int handover_fd(struct handover *h, const char *name);
bool handover_has(const struct handover *h, const char *name); /* h may be NULL */
/* What workers are to start with, where the previous image said so: our own mask and limits are
 * those that a daemon gives itself. */
void handover_mask(const struct handover *h, sigset_t *mask);
void handover_nofile(const struct handover *h, struct rlimit *nofile);
/* The directory that relative paths are meant from: first thing, before anybody asks for it. */
void handover_chdir(const struct handover *h);
bool handover_put_start(struct strlist *items, const sigset_t *mask, const struct rlimit *nofile,
                        const char *cwd);

/* Names hold neither newline nor '='. False: no memory, or such a name. */
bool handover_put(struct strlist *items, const char *name, const char *value);
bool handover_put_fd(struct strlist *items, const char *name, int fd);
/* "pipe:<inode>:r", or ":w" for an end to write to. */
bool handover_pipe_reads(int fd); /* of a worker's stdout or stderr, which may be open both ways */
void handover_pipe_name(char *out, size_t size, unsigned long long inode, bool reads);
/* Our ends of these pipes, in whichever part they are: each descriptor of ours that is a FIFO and
 * of which `wanted` says yes. */
bool handover_put_pipes(struct strlist *items, bool (*wanted)(void *arg, unsigned long long inode),
                        void *arg);

/* Become that program, with these things in its hands; the image that we are now, called `own`
 * (NULL: as `path`), is among them as "image", so that it can be gone back to. Returns only when it
 * fails: *e, all is as it was. */
bool handover_exec(const char *own, const char *path, char *const *argv,
                   const struct strlist *items, struct err *e);

/* In the new image: go back by itself when handover_confirmed does not come within so many seconds.
 */
void handover_watch(struct handover *h, unsigned limit_s);
/* The new image does not want to, or cannot: the old one again, with the same things. Returns only
 * when there is none, or when that fails, too. */
void handover_go_back(void);
/* All is well. What was not asked for is closed. */
void handover_confirmed(struct handover *h);

#endif
