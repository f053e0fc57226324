/* Channels without an owner come and go, and a stream that resumes the pipe of one takes its spool
 * over. */
#include "logs/spool/detached.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <utlist.h>

#include "logs/intake/capture.h"
#include "logs/intake/persistent_ledger.h"
#include "logs/intake/text.h"
#include "logs/spool/recover.h"
#include "logs/spool/spool.h"
#include "logs/spool/spooled.h"

bool detached_render(struct pipe_in *p, struct buf *out)
{
        const struct spool_pos *pos = &p->spool->pos;
        size_t len = (size_t)(pos->to - pos->src);
        char *data = malloc(len + 1);
        bool fine = data && spool_read(p->spool, pos->src, data, len);

        p->pid = pos->pid;
        p->begun->tokens = (struct captokens){ .inside = pos->inside };
        p->begun->form.goes_on = pos->goes_on;
        if (fine)
                spooled_render(p, data, len, out);
        free(data);
        return fine && !out->failed;
}

void detached_add(struct channel *s)
{
        s->busy = 0;
        s->free_later = false;
        s->owner = NULL;
        s->shown = NULL;
        s->silent = true;
        persistent_ledger_drop(s->core->ledgers, s->ledger_slot);
        s->ledger_slot = 0;
        if (!s->is_detached)
                DL_APPEND(s->core->recovery->detached_streams, s);
        s->is_detached = true;
}

void detached_remove(struct channel *s)
{
        if (s->is_detached)
                DL_DELETE(s->core->recovery->detached_streams, s);
        s->is_detached = false;
}

/* What the batch has to say to others, who may have missed it. */
static void detached_tell_again(struct pipe_in *p)
{
        AUTO_BUF out = BUF_INIT;

        if (!p->spool->pos.under_way)
                return;
        detached_render(p, &out);
        if (p->spool->redone)
                spool_done(p->spool);
}

static struct pipe_in *detached_find(const struct recovery *r, uint64_t inode)
{
        for (struct channel *s = r->detached_streams; s; s = s->next)
                if (s->pipes && s->pipes->spool && s->pipes->spool->to_be_claimed &&
                    s->pipes->spool->pipe == inode)
                        return s->pipes;
        return NULL;
}

void detached_forget(struct pipe_in *p)
{
        p->spool = NULL;
        text_forget(p);
}

static void detached_take_over(struct pipe_in *p, struct pipe_in *from)
{
        struct channel *s = p->channel, *detached_stream = from->channel;
        struct spool *sp = from->spool;

        channel_enter(detached_stream);
        detached_forget(from);
        if (!p->begun) { /* a detached_stream always has it */
                p->begun = from->begun;
                from->begun = NULL;
        }
        if (detached_stream->out.spool == sp)
                outlet_inherit(&s->out, &detached_stream->out);
        p->spool = sp;
        sp->to_be_claimed = false;
        sp->label_old = true;
        p->pid = sp->pos.pid;
        p->begun->tokens.inside = sp->pos.inside;
        p->begun->form.goes_on = sp->pos.goes_on;
        detached_tell_again(p);
        pipe_close(from);
        channel_leave(detached_stream);
        /* There may be whole lines in it already. */
        ev_feed_event(s->core->loop, &p->io, EV_READ);
}

void detached_claim(struct pipe_in *p)
{
        struct channel *s = p->channel;
        struct recovery *r = s->core->recovery;
        struct stat st;

        if (!r || !r->claims || s->out.queued ||
            s->core->sys->fstat(s->core->sys, p->fd, &st) < 0 || !S_ISFIFO(st.st_mode))
                return;
        struct pipe_in *from = detached_find(r, st.st_ino);
        if (!from)
                return;
        channel_enter(s);
        detached_take_over(p, from);
        channel_leave(s);
}
