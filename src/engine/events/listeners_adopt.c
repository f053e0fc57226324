/* Event listeners over the death of a daemon: what waits and what a listener was busy with
 * (engine/persist/state.h), and what they said that the previous instance had read and not heard.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/core/startup.h"
#include "engine/events/pool.h"
#include "engine/persist/state_record.h"
#include "engine/run/stdin_pipe.h"
#include "sys/store/guarded.h"
#include "sys/store/handover.h"

#define UNHEARD_MAX 32768 /* more than that is a sign that we are not in step */

/* ---- events */

struct taking {
        struct listeners *listeners;
        struct pool *pool;
};

static bool set_adrift(struct pool *p, struct entry *e, const struct kept_event *k)
{
        struct inflight *a = malloc(sizeof *a);

        if (!a)
                return false;
        *a = (struct inflight){
                .next = p->inflight, .entry = e, .phase = k->phase, .listener = k->listener
        };
        p->inflight = a;
        return true;
}

static void listeners_take_event(void *arg, const struct kept_event *k)
{
        const struct taking *t = arg;
        struct listeners *ls = t->listeners;
        enum event_type type = event_parse(k->name);
        struct notice *n = type == EV_TYPE_COUNT
                               ? NULL
                               : notice_new(event_name(type), k->serial, k->payload, k->len);
        struct entry *e = n ? entry_new(n, k->poolserial) : NULL;

        notice_unref(n);
        if (!e) {
                log_line(ls->sup->log, LVL_ERROR, "pool %s misses event %" PRIu64, k->pool,
                         k->serial);
                state_event_drop(ls->sup, k->kept);
                return;
        }
        e->kept = k->kept;
        if (ls->next_serial <= k->serial)
                ls->next_serial = k->serial + 1;
        if (t->pool->next_serial <= k->poolserial)
                t->pool->next_serial = k->poolserial + 1;
        if (k->phase == EVENT_WAITS || !set_adrift(t->pool, e, k))
                queue_push_back(&t->pool->queue, e); /* sorted when all are there */
}

static int listeners_by_number(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return (x > y) - (x < y);
}

/* Without memory nothing is known, and an event that is told once more comes twice. */
static void note_serials(struct pool *p)
{
        size_t most = (size_t)p->queue.waiting;

        for (const struct inflight *a = p->inflight; a; a = a->next)
                most++;
        p->had = most ? malloc(most * sizeof *p->had) : NULL;
        if (!p->had)
                return;
        for (const struct entry *e = p->queue.first; e; e = e->next)
                p->had[p->had_count++] = e->notice->serial;
        for (const struct inflight *a = p->inflight; a; a = a->next)
                p->had[p->had_count++] = a->entry->notice->serial;
        qsort(p->had, p->had_count, sizeof *p->had, listeners_by_number);
}

void pool_take_kept(struct listeners *ls, struct pool *p)
{
        struct taking t = { ls, p };

        p->next_serial = state_pool_serial_kept(ls->sup, p->group->name, &p->kept);
        state_events_of(ls->sup, p->group->name, listeners_take_event, &t);
        queue_sort(&p->queue);
        note_serials(p);
}

bool pool_has(const struct pool *p, uint64_t serial)
{
        return p->had && bsearch(&serial, p->had, p->had_count, sizeof serial, listeners_by_number);
}

/* It had none where the next one is still the same. */
void listeners_retell(struct supervisor *s, uint32_t serial)
{
        struct listeners *ls = listeners_own(s);
        uint64_t since = ls ? (ls->next_serial - serial) & SERIAL_MASK : 0;

        if (since == 0)
                return;
        ls->retelling = true;
        ls->retold = ls->next_serial - since;
}

void listeners_retold(struct supervisor *s)
{
        if (listeners_own(s))
                listeners_own(s)->retelling = false;
}

void pool_land(struct pool *p)
{
        free(p->had);
        p->had = NULL;
        p->had_count = 0;
        while (p->inflight) {
                struct inflight *a = p->inflight;
                p->inflight = a->next;
                queue_push_sorted(&p->queue, a->entry);
                free(a);
        }
}

/* ---- listeners */

static struct inflight *take_adrift(struct pool *p, int listener)
{
        struct inflight **at = &p->inflight;

        while (*at && (*at)->listener != listener)
                at = &(*at)->next;
        struct inflight *a = *at;
        if (a)
                *at = a->next;
        return a;
}

/* Whether it has the event: it was written to it and not answered, or the answer is to be heard
 * again. */
static bool is_busy_with(const struct inflight *a, enum listener_state state, bool unread,
                         size_t said)
{
        switch (a->phase) {
        case EVENT_SENDING:
                return state == LISTENER_BUSY || unread || said;
        case EVENT_SENT:
                return state != LISTENER_ACKNOWLEDGED && state != LISTENER_UNKNOWN;
        case EVENT_ACCEPTED:
        case EVENT_REJECTED:
                return state == LISTENER_BUSY && said;
        case EVENT_WAITS:
                break;
        }
        return false;
}

static enum listener_state state_from(int number)
{
        switch (number) {
        case LISTENER_READY:
        case LISTENER_BUSY:
        case LISTENER_UNKNOWN:
                return (enum listener_state)number;
        default:
                return LISTENER_ACKNOWLEDGED;
        }
}

static bool has_unread(const struct stdin_pipe *in)
{
        return stdin_pipe_queued(in) || stdin_pipe_unread(in);
}

static void take_up(struct supervisor *s, struct listener *l, struct inflight *a, size_t said)
{
        struct pool *p = l->pool;
        const struct stdin_pipe *in = l->process->worker->in;
        enum listener_state *state = &l->proto.state;

        if (is_busy_with(a, *state, in && has_unread(in), said)) {
                *state = LISTENER_BUSY;
                l->busy_with = a->entry;
        } else {
                if (*state == LISTENER_BUSY)
                        *state = LISTENER_ACKNOWLEDGED;
                if (a->phase == EVENT_ACCEPTED)
                        entry_free(s, a->entry);
                else
                        queue_push_sorted(&p->queue, a->entry);
        }
        free(a);
}

/* How far its log goes, in bytes of the stream; -1: it has been cut off, removed or made anew
 * since, and the ledger alone knows. */
static int64_t end_of_log(int fd, const struct stream_ledger *was, int64_t *size_out)
{
        struct stat st;

        *size_out = 0;
        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || was->inode != st.st_ino)
                return -1;
        *size_out = st.st_size;
        int64_t end = was->base + st.st_size;
        return end < (int64_t)was->written ? -1 : end;
}

/* What was written to its log and was not acted on, where the log is all that it ever said. */
static void read_unheard(struct process *p, struct listener *l, struct buf *out)
{
        struct stream_ledger was;
        const char *path = p->worker->out ? stream_path(p->worker->out) : NULL;
        int64_t size;

        if (!path || !l->in_step) {
                l->in_step = false;
                return;
        }
        struct stat st;
        AUTO_FD fd = guarded_open(path, stream_owner(p->worker->out), O_RDONLY, 0, &st, NULL);
        stream_ledger(p->worker->out, &was);
        int64_t known = end_of_log(fd, &was, &size);
        int64_t end = known >= 0 ? known : (int64_t)was.written;
        uint16_t more = (uint16_t)((uint16_t)end - l->heard);
        l->fed = l->heard = (uint16_t)end;
        if (more == 0)
                return;
        if (known >= 0 && more <= UNHEARD_MAX && more <= size && buf_reserve(out, more) &&
            pread(fd, out->data, more, size - more) == more) {
                out->len = more;
                l->fed = l->heard = (uint16_t)(end - more);
                return;
        }
        l->lost_words = true;
}

void listener_recall(struct supervisor *s, struct process *p, const struct listener_memory *m)
{
        struct listener *l = listener_of(s, p);

        if (!l)
                return;
        l->in_step = m->in_step && !s->config->settings.strip_ansi;
        l->fed = l->heard = m->heard;
        buf_release(&l->unheard);
        read_unheard(p, l, &l->unheard);
}

void listener_adopted(struct supervisor *s, struct process *p, const struct listener_memory *m)
{
        struct listener *l = listener_of(s, p);

        if (!l)
                return;
        AUTO_BUF said = l->unheard;
        l->unheard = BUF_INIT;
        l->proto = (struct listener_proto){ .state = state_from(m->state), .unsure = true };
        l->adopted = true;
        bool killed = !startup_of(s)->handover || startup_of(s)->handover->list < 0;
        struct inflight *a = take_adrift(l->pool, p->number);
        if (a) {
                bool is_cut = killed && a->phase == EVENT_SENDING;
                take_up(s, l, a, said.len);
                if (is_cut && l->busy_with) {
                        listener_restart(s, l, "its event was cut off when supervisord was killed");
                        return;
                }
        }
        if (said.len)
                listener_output(s, p, said.data, said.len);
        if (killed && l->busy_with && !l->in_step)
                log_line(s->log, LVL_WARN,
                         "%s: what it last said is in no log, so it may have answered: if it stays "
                         "busy, a restart gives it its event again",
                         p->name);
}

/* ---- all of them */

void listeners_settled(struct supervisor *s)
{
        struct listeners *ls = listeners_own(s);

        for (struct pool *p = ls ? ls->pools : NULL; p; p = p->next) {
                pool_land(p);
                for (struct listener *l = p->listeners; l; l = l->next)
                        if (l->lost_words)
                                listener_restart(s, l, "what it said last is in no log");
                for (struct entry *e = p->queue.first; e; e = e->next)
                        state_event_mark(s, e->kept, EVENT_WAITS, 0);
                pool_deliver(s, p);
        }
        state_events_settled(s);
}
