/* Lines from a descriptor, shared by the prompt, the questions and `fg`, so that none of them reads
 * ahead what another one should get. */
#ifndef CTL_INPUT_H
#define CTL_INPUT_H

#include <stdbool.h>

#include "base/buf.h"

struct input {
        int fd; /* borrowed */
        int interrupt_fd;
        struct buf ahead; /* read, not yet handed out */
        bool ended;
};

enum input_got { INPUT_LINE, INPUT_END, INPUT_INTERRUPTED };

void input_release(struct input *in);

/* The next line without its newline; what stands before the end of input counts as one. */
enum input_got input_line(struct input *in, struct buf *line);

/* A line that is there without waiting. False: not yet. */
bool input_ready_line(struct input *in, struct buf *line);

/* Read once from the descriptor; false at the end of input. Blocks when nothing is there. */
bool input_fill(struct input *in);

#endif
