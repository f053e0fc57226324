/* Pipes that outlive their worker. */
#include "logs/intake/reusable_pipe.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "logs/intake/capture.h"
#include "logs/intake/channel.h"
#include "logs/intake/text.h"
#include "logs/spool/spooled.h"

/* Sockets and terminals are open both ways by nature, and they do end. */
static bool reusable_pipe_is_pipe(int fd)
{
        struct stat st;

        return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

bool pipe_prepare(struct pipe_in *p, int fd)
{
        int flags = fcntl(fd, F_GETFL);

        if (flags < 0 || (!(flags & O_NONBLOCK) && fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0))
                return false;
        p->fd = fd;
        p->reusable_pipe = (flags & O_ACCMODE) == O_RDWR && reusable_pipe_is_pipe(fd);
        return true;
}

/* Read from by a descriptor that only reads, it has an end when no other process has it open. */
void pipe_let_go(struct pipe_in *p)
{
        struct core *core = p->channel->core;
        char path[40];
        bool waits = ev_is_active(&p->io);

        if (!p->reusable_pipe)
                return;
        snprintf(path, sizeof path, "/proc/self/fd/%d", p->fd);
        int fd = core->sys->open(core->sys, path, O_RDONLY | O_NONBLOCK, 0);
        if (fd < 0)
                return; /* it stays, and costs a descriptor, as long as the stream does */
        ev_io_stop(core->loop, &p->io);
        core->sys->close(core->sys, p->fd);
        p->fd = fd;
        p->reusable_pipe = false;
        ev_io_set(&p->io, fd, EV_READ);
        if (waits)
                ev_io_start(core->loop, &p->io);
}

int channel_pipe(const struct channel *s)
{
        return s->current && s->current->reusable_pipe ? s->current->fd : -1;
}

void channel_let_go(struct channel *s)
{
        if (!s->current || !s->current->reusable_pipe)
                return;
        pipe_show_no_more(s->current);
        pipe_let_go(s->current);
        s->current = NULL;
}

static bool is_done_with(const struct pipe_in *p)
{
        return text_is_neutral(p) && (!p->begun || !p->begun->line.len) && spooled_is_empty(p);
}

bool channel_is_at_rest(const struct channel *s)
{
        return !s->out.queued && !s->out.rest.len && (!s->current || is_done_with(s->current));
}
