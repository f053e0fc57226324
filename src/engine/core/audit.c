/* The main log's line of an order: who gave it. Written before the order is carried out. */
#include "engine/core/audit.h"

#include "base/buf.h"

void audit_order(struct supervisor *s, const struct caller *by, const struct process *p,
                 const char *what)
{
        char room[256];
        AUTO_BUF line = BUF_ON(room);

        if (!by)
                return;
        buf_printf(&line, "order: %s", what);
        if (p) {
                buf_putc(&line, ' ');
                process_namespec(p, &line);
        }
        if (by->known)
                buf_printf(&line, " (from uid %u, pid %d", (unsigned)by->uid, (int)by->pid);
        else
                buf_printf(&line, " (from %s", by->peer[0] ? by->peer : "an unknown peer");
        buf_printf(&line, ", request %s)", by->request_id[0] ? by->request_id : "-");
        log_line(s->log, LVL_INFO, "%s", buf_str(&line));
}
