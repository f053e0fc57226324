#include "engine/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/listeners.h"
#include "engine/worker.h"
#include "model/plan.h"
#include "state_record.h"
#include "sys/daemonize.h"
#include "sys/handover.h"
#include "sys/orphan.h"

/* ---- records as bytes */

/* False: the texts do not fit. */
static bool put_texts(union record *r, size_t fixed, const char *const *texts, int count)
{
        size_t at = fixed;

        for (int i = 0; i < count; i++) {
                size_t len = strlen(texts[i]) + 1;
                if (len > sizeof r->bytes - at)
                        return false;
                memcpy(r->bytes + at, texts[i], len);
                at += len;
        }
        r->head.text_at = (uint16_t)fixed;
        r->head.text_len = (uint16_t)(at - fixed);
        return true;
}

static uint32_t record_len(const union record *r)
{
        return (uint32_t)r->head.text_at + r->head.text_len;
}

static const char *log_path(const struct stream *st)
{
        const char *path = st ? stream_path(st) : NULL;

        return path ? path : "";
}

static uint16_t flags_of(const struct supervisor *s, const struct worker *w)
{
        uint16_t flags = s->mood == MOOD_RUNNING ? 0 : RECORD_ENDING;

        if (w->reaped)
                flags |= w->lost ? RECORD_LOST : RECORD_REAPED;
        if (w->out_auto)
                flags |= RECORD_OUT_AUTO;
        if (w->err_auto)
                flags |= RECORD_ERR_AUTO;
        if (w->mark.adopted)
                flags |= RECORD_ADOPTED;
        return flags;
}

/* The paths of logs are left out when all of it would not fit. */
static bool describe(const struct supervisor *s, const struct process *p, unsigned work,
                     union record *r)
{
        const struct worker *w = p->worker;
        const struct program *g = p->program;
        const struct footprint *m = &w->mark;
        const char *texts[TEXT_COUNT] = { [TEXT_GROUP] = p->group->name,
                                          [TEXT_PROGRAM] = g->name ? g->name : "",
                                          [TEXT_NAME] = p->name,
                                          [TEXT_OUT] = log_path(w->out),
                                          [TEXT_ERR] = log_path(w->err) };

        r->process = (struct process_record){
                .head = { .kind = RECORD_PROCESS, .flags = flags_of(s, w) },
                .work = work,
                .status = w->status,
                .fingerprint = program_fingerprint(p->program),
                .start_low = m->start_low,
                .start_high = m->start_high,
                .pipes = { m->pipes[0], m->pipes[1], m->pipes[2] },
                .number = p->number,
                .stopsignal = g->stopsignal,
                .stopwaitsecs = g->stopwaitsecs,
                .program_kind = (int32_t)g->kind,
                .stopasgroup = g->stopasgroup,
                .killasgroup = g->killasgroup == 1,
                .listener_state = w->listener ? (uint8_t)listener_state_of(w->listener) : 0,
        };
        process_remember(p, &r->process.memory);
        if (put_texts(r, sizeof r->process, texts, TEXT_COUNT))
                return true;
        texts[TEXT_OUT] = texts[TEXT_ERR] = "";
        return put_texts(r, sizeof r->process, texts, TEXT_COUNT);
}

/* ---- writing */

static void tell_full(struct supervisor *s, const char *name, const char *why)
{
        if (!s->state->told_full)
                log_line(s->log, LVL_WARN, "'%s' would not survive the death of supervisord: %s",
                         name, why);
        s->state->told_full = true;
}

static void keep(struct supervisor *s, uint32_t *slot, const union record *r, const char *name)
{
        struct err e = { 0 };

        if (*slot) {
                statetable_write(&s->state->table, *slot - 1, r, record_len(r));
                return;
        }
        uint32_t got = statetable_add(&s->state->table, r, record_len(r), &e);
        if (got == STATE_NO_SLOT)
                tell_full(s, name, e.text);
        else
                *slot = got + 1;
}

/* With the daemon's end everything begins anew: what has stopped for it needs no record. */
static bool is_over(const struct supervisor *s, const struct process *p)
{
        return p->state == PS_GONE || (s->mood != MOOD_RUNNING && p->pid == 0);
}

void state_note(struct supervisor *s, struct process *p, unsigned work)
{
        union record r;

        if (!s->state || (!p->worker && !worker_of(s, p)))
                return;
        if (is_over(s, p))
                state_forget(s, p);
        else if (describe(s, p, work, &r))
                keep(s, &p->worker->mark.slot, &r, p->name);
        else
                tell_full(s, p->name, "its name is too long");
}

void state_forget(struct supervisor *s, struct process *p)
{
        if (!s->state || !p->worker || !p->worker->mark.slot)
                return;
        statetable_drop(&s->state->table, p->worker->mark.slot - 1);
        p->worker->mark.slot = 0;
}

void state_note_fleet(struct supervisor *s, struct fleet *f)
{
        const char *texts[] = { f->group->name, f->program->name };
        union record r = { .fleet = { .head = { .kind = RECORD_FLEET },
                                      .replicas = f->replicas,
                                      .numprocs = f->program->numprocs,
                                      .scaled = f->scaled } };

        if (!s->state)
                return;
        if (!f->scaled) {
                if (f->state_slot)
                        statetable_drop(&s->state->table, f->state_slot - 1);
                f->state_slot = 0;
        } else if (put_texts(&r, sizeof r.fleet, texts, 2)) {
                keep(s, &f->state_slot, &r, f->program->name);
        }
}

/* ---- births */

/* The child's side of a vfork: stores only. */
static void write_birth(void *arg, pid_t self)
{
        struct birth *b = arg;

        b->record.process.memory.pid = self;
        b->record.process.start_high = orphan_ticks_now() + 1;
        statetable_write(b->table, b->slot, &b->record, b->len);
}

void state_birth(struct supervisor *s, struct process *p, struct launch *l)
{
        struct worker *w = p->worker;

        if (!w)
                return;
        w->mark.start_low = orphan_ticks_now() - 1;
        w->mark.start_high = 0;
        if (!s->state || !w->mark.slot)
                return;
        struct birth *b = &s->state->birth;
        struct moment now = clock_now();
        if (!describe(s, p, 0, &b->record))
                return;
        b->table = &s->state->table;
        b->slot = w->mark.slot - 1;
        b->len = record_len(&b->record);
        b->record.process.memory.spawned_ms = now.mono_ms;
        b->record.process.memory.spawned_wall_ms = now.wall_ms;
        l->born = write_birth;
        l->born_arg = b;
}

void state_born(struct supervisor *s, struct process *p, pid_t pid)
{
        (void)s, (void)pid;
        if (p->worker)
                p->worker->mark.start_high = orphan_ticks_now() + 1;
}

/* ---- reading what was left */

static bool find_texts(struct relic *k, int count)
{
        const struct record_head *h = &k->record.head;
        const char *at = k->record.bytes + h->text_at, *end = at + h->text_len;

        for (int i = 0; i < TEXT_COUNT; i++)
                k->text[i] = "";
        if ((size_t)h->text_at + h->text_len > sizeof k->record.bytes)
                return false;
        for (int i = 0; i < count; i++) {
                const char *nul = at < end ? memchr(at, '\0', (size_t)(end - at)) : NULL;
                if (!nul)
                        return false;
                k->text[i] = at;
                at = nul + 1;
        }
        return true;
}

static bool read_relic(struct state *st, uint32_t slot, struct relic *k)
{
        *k = (struct relic){ .slot = slot };
        if (statetable_read(&st->table, slot, &k->record, sizeof k->record) <
            sizeof(struct record_head))
                return false;
        switch (k->record.head.kind) {
        case RECORD_PROCESS:
                return find_texts(k, TEXT_COUNT) && *k->text[TEXT_NAME];
        case RECORD_FLEET:
                return find_texts(k, 2);
        default:
                return false;
        }
}

static int compare_names(const struct relic *k, const char *group, const char *name)
{
        int c = strcmp(k->text[TEXT_GROUP], group);

        return c ? c : strcmp(k->text[TEXT_NAME], name);
}

static int by_names_at(const void *a, const void *b)
{
        const struct relic *x = *(const struct relic *const *)a;
        const struct relic *y = *(const struct relic *const *)b;

        if (x->record.head.kind != y->record.head.kind)
                return x->record.head.kind < y->record.head.kind ? -1 : 1;
        return compare_names(x, y->text[TEXT_GROUP], y->text[TEXT_NAME]);
}

/* Sorting moves the bytes that the texts point into. */
static void find_all_texts(struct state *st)
{
        for (size_t i = 0; i < st->relic_count; i++)
                find_texts(&st->relics[i],
                           st->relics[i].record.head.kind == RECORD_FLEET ? 2 : TEXT_COUNT);
}

static bool spare_logs(struct state *st)
{
        for (size_t i = 0; i < st->process_count; i++) {
                const struct relic *k = &st->relics[i];
                uint16_t flags = k->record.head.flags;
                if (((flags & RECORD_OUT_AUTO) && !strs_add(&st->spared, k->text[TEXT_OUT])) ||
                    ((flags & RECORD_ERR_AUTO) && !strs_add(&st->spared, k->text[TEXT_ERR])))
                        return false;
        }
        return true;
}

/* By pointer, because each entry is a kilobyte and refers to itself. */
static bool sort_relics(struct state *st)
{
        if (st->relic_count < 2)
                return true;
        struct relic *sorted = malloc(st->relic_count * sizeof *sorted);
        const struct relic **order = malloc(st->relic_count * sizeof *order);
        bool ok = sorted && order;

        for (size_t i = 0; ok && i < st->relic_count; i++)
                order[i] = &st->relics[i];
        if (ok)
                qsort(order, st->relic_count, sizeof *order, by_names_at);
        for (size_t i = 0; ok && i < st->relic_count; i++)
                sorted[i] = *order[i];
        free(order);
        if (!ok) {
                free(sorted);
                return false;
        }
        free(st->relics);
        st->relics = sorted;
        return true;
}

static bool read_relics(struct supervisor *s)
{
        struct state *st = s->state;
        const struct statetable *t = &st->table;
        size_t held = 0;

        for (uint32_t i = 0; i < t->slot_count; i++)
                held += t->slots[i].len != 0;
        st->relics = calloc(held + 1, sizeof *st->relics);
        if (!st->relics)
                return false;
        for (uint32_t i = 0; i < t->slot_count; i++) {
                if (!t->slots[i].len)
                        continue;
                struct relic *k = &st->relics[st->relic_count];
                if (read_relic(st, i, k)) {
                        st->process_count += k->record.head.kind == RECORD_PROCESS;
                        st->relic_count++;
                } else {
                        log_line(s->log, LVL_WARN, "state table: record %u makes no sense", i);
                        statetable_drop(&st->table, i);
                }
        }
        if (!sort_relics(st))
                return false;
        find_all_texts(st);
        return spare_logs(st);
}

struct relic *state_relic(const struct supervisor *s, const char *group, const char *name)
{
        size_t low = 0, high = s->state ? s->state->process_count : 0;

        while (low < high) {
                size_t mid = low + (high - low) / 2;
                int c = compare_names(&s->state->relics[mid], group, name);
                if (c == 0)
                        return &s->state->relics[mid];
                if (c < 0)
                        low = mid + 1;
                else
                        high = mid;
        }
        return NULL;
}

void state_forget_relics(struct supervisor *s)
{
        free(s->state->relics);
        s->state->relics = NULL;
        s->state->relic_count = s->state->process_count = 0;
        strs_release(&s->state->spared);
}

const char *const *state_spared_logs(const struct supervisor *s)
{
        return s->state ? (const char *const *)s->state->spared.items : NULL;
}

const char *state_auto_log(const struct supervisor *s, const struct process *p, bool is_stderr)
{
        const struct relic *k = state_relic(s, p->group->name, p->name);
        uint16_t flag = is_stderr ? RECORD_ERR_AUTO : RECORD_OUT_AUTO;

        if (!k || !(k->record.head.flags & flag))
                return NULL;
        const char *path = k->text[is_stderr ? TEXT_ERR : TEXT_OUT];
        return *path ? path : NULL;
}

/* Another program, or one with another socket, has another fingerprint. */
int state_fcgi_socket(const struct supervisor *s, const struct program *p)
{
        uint64_t fingerprint = program_fingerprint((struct program *)p);

        for (size_t i = 0; s->state && i < s->state->process_count; i++) {
                const struct process_record *r = &s->state->relics[i].record.process;
                struct orphan who = { r->memory.pid, r->start_low, r->start_high };
                if (r->fingerprint != fingerprint || who.pid <= 0)
                        continue;
                int fd = orphan_socket(&who, 0);
                if (fd >= 0)
                        return fd;
        }
        return -1;
}

/* ---- the directory */

static bool make_dir(const char *dir, struct err *e)
{
        struct stat st;

        if (mkdir(dir, 0700) < 0 && errno != EEXIST)
                return err_set(e, ERR_SYS, "make %s", dir);
        AUTO_FD fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0)
                return err_set(e, ERR_SYS, "open %s", dir);
        if (st.st_uid != geteuid())
                return err_set(e, ERR_CONFIG, "%s belongs to another user", dir);
        if ((st.st_mode & 07777) != 0700 && fchmod(fd, 0700) < 0)
                return err_set(e, ERR_SYS, "chmod %s", dir);
        return true;
}

static bool take_lock(struct state *st, int handover, struct err *e)
{
        AUTO_BUF path = BUF_INIT;
        pid_t holder = 0;

        buf_printf(&path, "%s/lock", st->dir);
        st->lock_path = buf_take(&path);
        if (!st->lock_path)
                return err_nomem(e);
        st->lock = pidfile_inherit(st->lock_path, handover);
        if (st->lock >= 0)
                return true;
        if (pidfile_open(st->lock_path, &st->lock, &holder, e))
                return true;
        if (e->code != ERR_BUSY)
                return false;
        return err_set(e, ERR_BUSY,
                       "Another program is already listening: supervisord with pid %d holds %s.  "
                       "Shut this program down first before starting supervisord.",
                       (int)holder, st->dir);
}

static bool open_table(struct supervisor *s, struct err *e)
{
        struct state_owner who;
        AUTO_BUF path = BUF_INIT;
        AUTO_BUF said = BUF_INIT;

        buf_printf(&path, "%s/table", s->state->dir);
        if (path.failed)
                return err_nomem(e);
        if (!state_owner_here(&who, e))
                return false;
        who.version = STATE_VERSION;
        who.readable_by = STATE_READABLE_BY;
        if (!statetable_open(&s->state->table, path.data, RECORD_MAX, &who, &said, e))
                return false;
        if (said.len)
                log_line(s->log, LVL_WARN, "%s", buf_str(&said));
        if (s->state->table.damaged)
                log_line(s->log, LVL_WARN,
                         "%s: %u records are damaged; their processes are not known", path.data,
                         s->state->table.damaged);
        return read_relics(s) || err_nomem(e);
}

static void release(struct state *st)
{
        free(st->relics);
        strs_release(&st->spared);
        statetable_close(&st->table);
        fd_close(&st->lock);
        free(st->lock_path);
        free(st->dir);
        free(st);
}

bool state_open(struct supervisor *s, const char *dir, struct err *e)
{
        struct state *st = dir ? calloc(1, sizeof *st) : NULL;
        struct err why = { 0 };

        if (!dir) {
                log_line(s->log, LVL_INFO,
                         "no statedir: processes will not survive the death of supervisord");
                return true;
        }
        if (st) {
                *st = (struct state){ .lock = -1, .dir = strdup(dir) };
                s->state = st;
        }
        if (!st || !st->dir)
                err_nomem(&why);
        else if (make_dir(dir, &why) && take_lock(st, handover_fd(s->handover, "state"), &why) &&
                 open_table(s, &why))
                return true;
        if (st)
                release(st);
        s->state = NULL;
        if (why.code == ERR_BUSY) {
                *e = why;
                return false;
        }
        log_line(s->log, LVL_WARN,
                 "%s; without statedir processes will not survive the death of supervisord",
                 why.text);
        return true;
}

void state_sign(struct supervisor *s)
{
        struct err e = { 0 };

        if (s->state && !pidfile_write(s->state->lock, getpid(), &e))
                log_line(s->log, LVL_WARN, "%s: %s", s->state->lock_path, e.text);
}

static bool is_empty(const struct statetable *t)
{
        for (uint32_t i = 0; i < t->slot_count; i++)
                if (t->slots[i].len)
                        return false;
        return true;
}

void state_close(struct supervisor *s, bool keep_it)
{
        struct state *st = s->state;

        if (!st)
                return;
        s->state = NULL;
        if (!keep_it || is_empty(&st->table)) {
                statetable_remove(&st->table);
                pidfile_remove(st->lock_path, &st->lock);
                rmdir(st->dir); /* what was set aside keeps it */
        }
        release(st);
}

const char *state_dir(const struct supervisor *s)
{
        return s->state ? s->state->dir : NULL;
}

bool state_hand_over(const struct supervisor *s, struct strs *items)
{
        return !s->state || handover_put_fd(items, "state", s->state->lock);
}
