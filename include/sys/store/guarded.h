/* Files whose directory may belong to another user, who can put a link, a FIFO or another file at
 * any name in it at any moment: logs, their backups, pidfiles, sockets. Nothing else in the daemon
 * opens, looks at, renames or removes such a file by its path.
 *
 * The path is walked component by component. A link is followed where both it and the directory
 * that it is in belong to root or to the user that this process runs as; any other link is refused,
 * wherever it leads. What is opened is a regular file that belongs to one of these two, to the
 * owner of its directory or to the `owner` that the caller names, and that has one name only. A
 * device, a FIFO or a socket is opened only where an administrator has put it: every directory on
 * the way to it belongs to one of the two, and so does the node itself or no other user may write
 * to the directory that it is in. Nothing here waits for the other end of a FIFO. */
#ifndef SYS_STORE_GUARDED_H
#define SYS_STORE_GUARDED_H

#include <dirent.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/err.h"

/* As open(2) with O_CLOEXEC, O_NONBLOCK and O_NOCTTY; O_TRUNC is not for here. A FIFO is opened
 * both ways, since for writing only it cannot be opened before its reader has come; for reading
 * only it is not opened at all. owner: whose regular file it may be besides root's and ours; 0: of
 * no other user. *st_out (may be NULL): what was opened. -1: errno, and *e. What is there and
 * refused is ERR_FOREIGN, with e->sys set, and its text says why. */
int guarded_open(const char *path, uid_t owner, int flags, mode_t mode, struct stat *st_out,
                 struct err *e);

/* As stat(2), but a link that is not followed is what is looked at. */
int guarded_stat(const char *path, struct stat *out);

/* As the calls without `guarded`: only the directories are walked, since these act on the name. */
int guarded_rename(const char *from, const char *to);
int guarded_unlink(const char *path);

/* The directory that path is in, for calls that take a descriptor of it (O_PATH), and the name
 * there: part of path. *is_ours_out (may be NULL): every directory on the way belongs to root or to
 * us. -1: errno, and *e. */
int guarded_parent(const char *path, const char **name_out, bool *is_ours_out, struct err *e);

/* A directory, to be read. */
int guarded_open_dir(const char *path, struct err *e);
DIR *guarded_opendir(const char *path, struct err *e);

#endif
