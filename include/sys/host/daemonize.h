/* Into the background, and the pidfile. compat section 10. */
#ifndef SYS_HOST_DAEMONIZE_H
#define SYS_HOST_DAEMONIZE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

/* fork, parent _exit(0), setsid, 0-2 to /dev/null. The caller does chdir and umask.
 * Must be called before any thread or event loop exists. */
bool daemonize(struct err *e);

/* Create, lock (for our lifetime: an open-file-description lock that survives the daemonising fork)
 * and hold. ERR_BUSY: another holds it, *holder_out its pid (0 unknown). Nothing is written yet. */
bool pidfile_open(const char *path, int *fd_out, pid_t *holder_out, struct err *e);
/* The same where nothing can be written any more. ERR_SYS also when there is none. */
bool pidfile_open_readonly(const char *path, int *fd_out, pid_t *holder_out, struct err *e);
/* One that an earlier image of this process holds already: fd, if it still is what the path names;
 * else it is closed, and -1. */
int pidfile_inherit(const char *path, int fd);
/* Is it what the path names still? */
bool pidfile_is_there(const char *path, int fd);
/* "<pid>\n", truncating. */
bool pidfile_write(int fd, pid_t pid, struct err *e);
/* Unlink (if it is still ours) and close. */
void pidfile_remove(const char *path, int *fd);

#endif
