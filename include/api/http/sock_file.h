/* The file of a Unix server's socket: cleaners of /tmp delete it, and no client could reach the
 * daemon any more (compat 23, row 31). A watch on it costs nothing while nothing happens. */
#ifndef API_HTTP_SOCK_FILE_H
#define API_HTTP_SOCK_FILE_H

#include "api/http/conn.h"

/* The file that was just bound is ours from now on; when it goes, it is made again. Nothing to do
 * for TCP. Without inotify it is not watched, and the log says so. */
void sock_file_watch(struct listener *l);
void sock_file_unwatch(struct listener *l); /* fine when it is not watched */

/* Is the file that we made still what the path names? */
bool sock_file_is_ours(const struct listener *l);

#endif
