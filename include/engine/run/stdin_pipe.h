/* The writing end of a worker's stdin: queued, written as the pipe takes it, never blocking. */
#ifndef ENGINE_RUN_STDIN_PIPE_H
#define ENGINE_RUN_STDIN_PIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct strlist;
struct stdin_pipe;
struct worker;

#define STDIN_QUEUE_MAX (16u << 20)

/* Takes the descriptor over, which is non-blocking. What stood at *at is closed, or handed to
 * the caller in *old (may be NULL), and its memory used again; NULL: it is made. False: no memory;
 * the descriptor is closed and *at NULL. The worker is borrowed. is_counted: the state directory
 * knows how much waits. */
bool stdin_pipe_open(struct stdin_pipe **at, const struct worker *w, bool is_counted, int fd,
                     int *old);
void stdin_pipe_free(struct stdin_pipe *p); /* closes; what is queued is lost with its reader */
enum stdin_result { STDIN_OK, STDIN_CLOSED, STDIN_FULL, STDIN_NOMEM };
enum stdin_result stdin_pipe_write(struct stdin_pipe *p, const void *data, size_t len);
size_t stdin_pipe_queued(const struct stdin_pipe *p);

/* What waits goes to the next image by itself. False: no memory. */
bool stdin_pipe_hand_over(const struct stdin_pipe *p, struct strlist *items);
/* We are the next image: what waited for this pipe waits here. False: no memory. */
bool stdin_pipe_resume(struct stdin_pipe *p);

#endif
