/* Lines from a descriptor, with what was read ahead in one place. Waits, but Ctrl-C ends the wait.
 */
#include "ctl/input.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "ctl/transport/http.h"

void input_release(struct input *in)
{
        buf_release(&in->ahead);
}

bool input_ready_line(struct input *in, struct buf *line)
{
        const char *end = in->ahead.len ? memchr(in->ahead.data, '\n', in->ahead.len) : NULL;

        buf_reset(line);
        if (!end && !(in->ended && in->ahead.len))
                return false;
        size_t len = end ? (size_t)(end - in->ahead.data) : in->ahead.len;
        buf_put(line, in->ahead.data, len);
        buf_drop(&in->ahead, end ? len + 1 : len);
        return true;
}

bool input_fill(struct input *in)
{
        char data[4096];
        ssize_t n;

        do
                n = read(in->fd, data, sizeof data);
        while (n < 0 && errno == EINTR);
        if (n > 0)
                buf_put(&in->ahead, data, (size_t)n);
        in->ended = n <= 0 || in->ahead.failed;
        return !in->ended;
}

enum input_got input_line(struct input *in, struct buf *line)
{
        while (!input_ready_line(in, line)) {
                if (in->ended) {
                        in->ended = false; /* a terminal may go on after Ctrl-D */
                        return INPUT_END;
                }
                if (http_wait_fd(in->fd, POLLIN, in->interrupt_fd, -1, NULL) < 0)
                        return INPUT_INTERRUPTED;
                input_fill(in);
        }
        return INPUT_LINE;
}
