/* The writing end of a worker's stdin: queued, written as the pipe takes it, never blocking. */
#ifndef ENGINE_RUN_STDIN_PIPE_H
#define ENGINE_RUN_STDIN_PIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ev_loop;
struct stdin_pipe;

#define STDIN_QUEUE_MAX (16u << 20)

/* What all of a daemon's have in common. */
struct stdin_home {
        struct ev_loop *loop; /* borrowed */
        /* What has to wait is kept in this directory (borrowed), so that the next instance goes on
         * with exactly the next byte; NULL: in memory. */
        const char *dir;
};

/* Takes the descriptor over, which is non-blocking. What stood at *at is closed, or handed to
 * the caller in *old (may be NULL), and its memory used again; NULL: it is made. False: no memory;
 * the descriptor is closed and *at NULL. home is borrowed. */
bool stdin_pipe_open(struct stdin_pipe **at, const struct stdin_home *home, int fd, int *old);
/* We are the next instance: what waits there for this pipe goes on. False: nothing does. */
bool stdin_pipe_resume(struct stdin_pipe *p);
/* Does something wait in the directory (NULL: no) for the pipe with this inode? */
bool stdin_pipe_is_left(const char *dir, uint64_t pipe);
void stdin_pipe_free(struct stdin_pipe *p); /* closes; what is queued is lost with its reader */
enum stdin_result { STDIN_OK, STDIN_CLOSED, STDIN_FULL, STDIN_NOMEM };
enum stdin_result stdin_pipe_write(struct stdin_pipe *p, const void *data, size_t len);
/* Whether something is in the pipe that its reader has not taken yet. */
bool stdin_pipe_unread(const struct stdin_pipe *p);
int stdin_pipe_fd(const struct stdin_pipe *p); /* borrowed; -1: it was closed */
size_t stdin_pipe_queued(const struct stdin_pipe *p);
bool stdin_pipe_has_rest(const struct stdin_pipe *p); /* something waits, or just went */
/* What is in the directory for a pipe (its inode) that does not go on goes. */
void stdin_pipe_tidy(const char *dir, bool (*goes_on)(const void *arg, uint64_t pipe),
                     const void *arg);

#endif
