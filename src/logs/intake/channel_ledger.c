/* What a channel has counted, and what is wrong with it: shown to other threads, and recorded for
 * the next instance. */
#include "logs/intake/channel_ledger.h"

#include "logs/intake/persistent_ledger.h"
#include "logs/store/outlet_locate.h"
#include "logs/syslog/sink_syslog.h"

/* It goes on where a previous instance was killed. What that one had in memory is lost; a batch
 * that it did not come to count is found by outlet_locate. */
bool channel_ledger_take(struct channel *s, struct stream_ledger *was)
{
        bool shared;

        bool goes_on =
            persistent_ledger_take(s->core->ledgers, s->conf.key, &s->ledger_slot, was, &shared);
        if (s->shown)
                ledger_box_begin(s->shown, goes_on ? was->life : 0);
        if (!goes_on)
                return false;
        s->out.read = was->read;
        s->out.written = was->written;
        s->out.dropped = was->dropped + was->buffered;
        s->out.rotations = (uint32_t)was->rotations;
        s->out.base = was->base;
        s->out.inode = was->inode;
        s->out.rest_lost = (uint32_t)was->buffered;
        s->out.resumed = was->inode && !shared;
        return true;
}

static void channel_ledger_trouble(const struct channel *s, struct buf *out)
{
        const char *reason = NULL;

        if (outlet_trouble(&s->out, out))
                return;
        if (s->extras && s->extras->to_syslog.buffered)
                reason = sink_syslog_reason(s->core->syslog);
        if (reason)
                buf_puts(out, reason);
}

static void channel_ledger_now(const struct channel *s, struct stream_ledger *out)
{
        const struct syslog_sender *log =
            s->extras ? &s->extras->to_syslog : &(struct syslog_sender){ 0 };

        *out = (struct stream_ledger){ .read = s->out.read,
                                       .written = s->out.written,
                                       .dropped = s->out.dropped,
                                       .buffered = s->out.rest.len,
                                       .rotations = s->out.rotations,
                                       .base = s->out.base,
                                       .inode = s->out.inode,
                                       .life = s->shown ? ledger_box_life(s->shown) : 0,
                                       .syslog_sent = log->sent,
                                       .syslog_dropped = log->dropped,
                                       .syslog_buffered = log->buffered };
}

void channel_ledger_show(struct channel *s)
{
        struct stream_ledger now;
        AUTO_BUF text = BUF_INIT;

        if (!s->shown)
                return;
        outlet_locate(&s->out);
        channel_ledger_now(s, &now);
        channel_ledger_trouble(s, &text);
        ledger_box_put(s->shown, &now, text.len ? text.data : NULL);
        persistent_ledger_put(s->core->ledgers, s->conf.key, &s->ledger_slot, &now,
                              s->out.writer && s->out.writer->users > 1);
}
