/* File descriptors with an owner. */
#ifndef BASE_FD_H
#define BASE_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/* /dev/null for each of 0, 1 and 2 that is closed, first of all in every program: what is opened
 * later (a lock, a socket) would become its standard input or output, or be overwritten by the next
 * step that expects those there. False: errno. */
bool fd_standard_fill(void);

/* An fd of one function: closed when it goes out of scope; errno is preserved. -1 is no fd. */
#define AUTO_FD __attribute__((cleanup(fd_cleanup))) int

void fd_cleanup(int *fd);
void fd_close(int *fd); /* close if open, set to -1, preserve errno */
int fd_take(int *fd);   /* give ownership away: returns it and leaves -1 */
bool fd_nonblock(int fd, bool on);
bool fd_cloexec(int fd, bool on);

/* Write everything, repeating short writes and EINTR. Only for descriptors that may block. */
bool fd_write_all(int fd, const void *data, size_t len);

#endif
