/* An end between its reaping and its record. The kernel writes it down, in the call that reaps: a
 * kill comes before that, and the next instance reaps or asks; or after it, and then it is here.
 * One at a time, in the margin of <statedir>/records. */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>

#include "engine/persist/state.h"
#include "engine/persist/state_record.h"
#include "sys/sys.h"

_Static_assert(offsetof(siginfo_t, si_status) + sizeof(int) <= MAPPED_MARGIN,
               "what waitid(2) writes fits into the margin");

void state_end_noted(const struct supervisor *s)
{
        if (state_of(s) && state_of(s)->margin)
                s->sys->end->si_pid = 0;
}

bool state_end_persisted(const struct supervisor *s, pid_t pid, int *status_out)
{
        siginfo_t end = { 0 };

        if (!state_of(s) || state_of(s)->margin)
                return false;
        memcpy(&end, mapped_margin(&state_of(s)->table.file), MAPPED_MARGIN);
        if (end.si_signo != SIGCHLD || end.si_pid != pid || end.si_code < CLD_EXITED ||
            end.si_code > CLD_DUMPED)
                return false;
        *status_out = sys_wait_status(&end);
        return true;
}

void state_persist_ends(struct supervisor *s)
{
        struct state *st = state_of(s);

        if (!state_is_persisted(s) || st->margin)
                return;
        st->margin = mapped_margin_keep(&st->table.file);
        if (!st->margin) {
                log_line(s->log, LVL_WARN, "map the margin of %s: %s; an end may be lost in a kill",
                         st->table.file.path, strerror(errno));
                return;
        }
        s->sys->end = st->margin;
        state_end_noted(s);
}

void state_ends_follow(struct supervisor *s)
{
        struct state *st = state_of(s);
        void *was = st->margin;

        if (!was)
                return;
        s->sys->end = NULL;
        st->margin = NULL;
        state_persist_ends(s);
        mapped_margin_drop(was);
}
