/* A state directory in words. Everything is read into private memory by the readers that adoption
 * uses; nothing is locked, made or changed. A daemon may write to it meanwhile: what looks damaged
 * is read again before it is believed. Paths, names and numbers are printed, but no output of a
 * process, no payload of an event and no fingerprint. */
#include "engine/persist/dump.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/persist/state_record.h"
#include "logs/logs.h"

#define DUMP_ATTEMPTS 4

struct dump {
        const char *dir;
        struct strlist names; /* of its files, sorted */
        struct buf *out;
        struct buf damage;       /* lines about the present file */
        struct state state;      /* its tables only */
        struct slot_table table; /* of ledgers */
        bool damaged;
};

/* ---- words */

/* A line of its own whatever is in it. */
static void dump_text(struct buf *out, const char *key, const char *text)
{
        buf_printf(out, "%s: ", key);
        for (; *text; text++) {
                unsigned char c = (unsigned char)*text;
                if (c < 0x20 || c == 0x7f || c == '\\')
                        buf_printf(out, "\\x%02x", c);
                else
                        buf_putc(out, *text);
        }
        buf_putc(out, '\n');
}

static void dump_optional(struct buf *out, const char *key, const char *text)
{
        if (*text)
                dump_text(out, key, text);
}

static void dump_number(struct buf *out, const char *key, int64_t number)
{
        buf_printf(out, "%s: %" PRId64 "\n", key, number);
}

static void dump_flags(struct buf *out, const char *key, const char *const *words, unsigned bits)
{
        const char *before = "";

        buf_printf(out, "%s: ", key);
        for (unsigned i = 0; i < 8; i++) {
                if (!(bits >> i & 1))
                        continue;
                if (words[i])
                        buf_printf(out, "%s%s", before, words[i]);
                else
                        buf_printf(out, "%sbit-%u", before, i);
                before = " ";
        }
        buf_puts(out, *before ? "\n" : "none\n");
}

static void dump_owner(struct buf *out, const struct state_owner *owner)
{
        if (!*owner->boot_id)
                return;
        dump_number(out, "format version", owner->version);
        dump_number(out, "readable by version", owner->readable_by);
        dump_text(out, "boot id", owner->boot_id);
        buf_printf(out, "pid namespace: %" PRIu64 "\n", owner->pid_namespace);
        dump_number(out, "user", owner->uid);
}

static void dump_end_file(struct dump *d)
{
        d->damaged = d->damaged || d->damage.len || d->damage.failed;
        d->out->failed = d->out->failed || d->damage.failed;
        buf_put(d->out, buf_str(&d->damage), d->damage.len);
        buf_reset(&d->damage);
}

static char *dump_path(const struct dump *d, const char *name)
{
        AUTO_BUF path = BUF_INIT;

        buf_printf(&path, "%s/%s", d->dir, name);
        return buf_take(&path);
}

/* ---- records */

static const char *const dump_waits[] = {
        [WAIT_NONE] = "nothing",      [WAIT_UP] = "to be up",
        [WAIT_RETRY] = "to retry",    [WAIT_KILL] = "to be killed",
        [WAIT_KILLED] = "to be gone", [WAIT_GIVE_UP] = "to be given up",
};

static const char *const dump_flag_words[8] = { "reaped",      "lost",    "ending",   "stdout-auto",
                                                "stderr-auto", "adopted", "owes-stop" };
static const char *const dump_work[8] = { "spawn", "term", "kill", "start", "forget", "on-fatal" };

/* Supervisor's word, and behind it ours where that is another one. */
static void dump_state(struct buf *out, enum pstate state)
{
        const char *inner = pstate_inner_name(state), *shown = pstate_name(state);
        bool is_same = strcmp(inner, shown) == 0;

        buf_printf(out, "state: %s%s%s\n", shown, is_same ? "" : ", ", is_same ? "" : inner);
}

static void dump_field_number(struct buf *out, const char *name, int64_t n)
{
        if (strcmp(name, "state") == 0 && n < PS_COUNT)
                dump_state(out, (enum pstate)n);
        else if (strcmp(name, "waits for") == 0 && n < WAIT_KEEP)
                dump_text(out, name, dump_waits[n]);
        else if (strcmp(name, "health") == 0 && n <= HEALTH_UNHEALTHY)
                dump_text(out, name, health_word((enum health_status)n));
        else if (strcmp(name, "flags") == 0)
                dump_flags(out, name, dump_flag_words, (unsigned)n);
        else if (strcmp(name, "work under way") == 0)
                dump_flags(out, name, dump_work, (unsigned)n);
        else
                dump_number(out, name, n);
}

static void dump_field(struct buf *out, const struct field *f, const void *of)
{
        const char *at = (const char *)of + f->offset;
        const struct field_times *times = (const struct field_times *)at;

        switch ((enum field_type)f->type) {
        case FIELD_TEXT:
                dump_optional(out, f->name, *(const char *const *)at);
                return;
        case FIELD_TIMES:
                for (int i = 0; i < times->count; i++)
                        dump_number(out, f->name, times->ms[i]);
                return;
        default:
                dump_field_number(out, f->name, field_number(f, of));
        }
}

/* Names first. Of the tagged fields those that are there; a fleet has no others. */
static void dump_fields(struct buf *out, const struct record *r)
{
        struct program program = { 0 };
        const void *const of[PART_COUNT] = { &r->process, &r->mark, &program, r };

        record_program(r, &program);
        for (int i = PART_COUNT; i-- > (r->kind == RECORD_FLEET ? PART_RECORD : 0);)
                for (size_t k = 0; k < record_layout[i]->count; k++) {
                        const struct field *f = &record_layout[i]->rows[k];
                        bool is_text = f->type == FIELD_TEXT || f->type == FIELD_TIMES;
                        bool is_there =
                            f->tag ? is_text || field_number(f, of[i]) : r->kind != RECORD_FLEET;
                        if (f->name && is_there)
                                dump_field(out, f, of[i]);
                }
}

static void dump_record(struct dump *d, uint32_t slot)
{
        const struct mapped *file = &d->state.table.file;
        AUTO_BUF how = BUF_INIT;
        struct record r;
        uint32_t texts = 0;

        if (!record_read(&d->state, slot, &r, &texts)) {
                buf_printf(&how,
                           "slot %" PRIu32 ": its texts, at %zu of texts, are not whole or make "
                           "no sense; pid %d",
                           slot, record_store_place(texts), (int)r.process.pid);
                mapped_say(file, &d->damage, MAPPED_HEADER + (size_t)slot * file->unit,
                           buf_str(&how));
                return;
        }
        buf_printf(d->out, "\n[record %" PRIu32 "]\n", slot);
        dump_fields(d->out, &r);
}

static bool dump_records(struct dump *d, const char *path, struct err *e)
{
        struct state_owner owner;
        struct slot_table *t = &d->state.table;

        if (!slot_table_look(t, path, sizeof(struct record_step), STATE_VERSION, &owner, &d->damage,
                             e))
                return false;
        dump_owner(d->out, &owner);
        dump_number(d->out, "records", t->used);
        for (uint32_t i = 0; i < t->slot_count; i++)
                if (t->slots[i].len)
                        dump_record(d, i);
        return true;
}

/* ---- the other files */

static bool dump_texts(struct dump *d, const char *path, struct err *e)
{
        struct state_owner owner;

        if (!record_store_read(&d->state.texts, path, STATE_VERSION, &owner, &d->damage, e))
                return false;
        dump_owner(d->out, &owner);
        dump_number(d->out, "units", d->state.texts.file.units);
        return true;
}

static void dump_event(struct dump *d, uint32_t at, uint32_t tag)
{
        static const char *const phases[8] = { "waits", "being sent", "sent" };
        const struct record_store *v = &d->state.events;
        struct persisted_event event;
        const char *pool, *name;
        uint64_t number;
        uint32_t bytes;

        if (tag == TAG_EVENT && state_event_read(v, at, &event)) {
                const char *phase = phases[event.phase & 7];
                buf_printf(d->out, "\n[event %" PRIu64 "]\n", event.serial);
                dump_text(d->out, "pool", event.pool);
                buf_printf(d->out, "number in its pool: %" PRIu64 "\n", event.poolserial);
                dump_text(d->out, "event", event.name);
                dump_text(d->out, "phase", phase ? phase : "not known");
                if (event.phase != EVENT_WAITS)
                        dump_number(d->out, "listener", event.listener);
                buf_printf(d->out, "payload: %zu bytes\n", event.len);
        } else if (tag == TAG_POOL && state_pool_read(v, at, &pool, &number)) {
                buf_puts(d->out, "\n[pool]\n");
                dump_text(d->out, "pool", pool);
                buf_printf(d->out, "next number: %" PRIu64 "\n", number);
        } else if (tag == TAG_STDIN && state_stdin_read(v, at, &name, &bytes)) {
                buf_puts(d->out, "\n[standard input]\n");
                dump_text(d->out, "process", name);
                dump_number(d->out, "bytes that wait", bytes);
        } else {
                mapped_say(&v->file, &d->damage, record_store_place(at),
                           "a record makes no sense (tag or texts)");
        }
}

static bool dump_events(struct dump *d, const char *path, struct err *e)
{
        struct record_store *v = &d->state.events;
        struct state_owner owner;
        uint32_t at, tag, next = 0;

        if (!record_store_read(v, path, STATE_VERSION, &owner, &d->damage, e))
                return false;
        dump_owner(d->out, &owner);
        if (v->file.units)
                buf_printf(d->out, "next event number: %" PRIu64 "\n", state_events_serial(v));
        while ((at = record_store_find(v, next, &tag, &next)) != VAULT_NONE)
                dump_event(d, at, tag);
        return true;
}

static bool dump_is_stream(struct dump *d, const struct record *r, bool is_stderr, uint64_t key)
{
        const char *group = r->text[TEXT_GROUP], *name = r->text[TEXT_NAME];

        if (record_stream_key(group, name, is_stderr) != key)
                return false;
        dump_text(d->out, "group", group);
        dump_text(d->out, "process", name);
        dump_text(d->out, "stream", is_stderr ? "stderr" : "stdout");
        return true;
}

/* The name of the stream is in the records, by its key. */
static void dump_stream_name(struct dump *d, uint64_t key)
{
        struct record r;
        uint32_t texts;

        for (uint32_t i = 0; i < d->state.table.slot_count; i++)
                if (record_read(&d->state, i, &r, &texts) && r.kind == RECORD_PROCESS &&
                    (dump_is_stream(d, &r, false, key) || dump_is_stream(d, &r, true, key)))
                        return;
}

static void dump_ledger(struct dump *d, uint32_t slot)
{
        struct stream_ledger l;
        uint64_t key;
        bool shared;

        if (!persistent_ledger_read(&d->table, slot, &key, &l, &shared))
                return;
        buf_printf(d->out, "\n[ledger %" PRIu32 "]\n", slot);
        dump_stream_name(d, key);
        buf_printf(d->out, "key: %016" PRIx64 "\nlog inode: %" PRIu64 "\n", key, l.inode);
        buf_printf(d->out, "read: %" PRIu64 "\nwritten: %" PRIu64 "\n", l.read, l.written);
        buf_printf(d->out, "dropped: %" PRIu64 "\nbuffered: %" PRIu64 "\n", l.dropped, l.buffered);
        buf_printf(d->out, "rotations: %" PRIu64 "\n", l.rotations);
        dump_number(d->out, "file begins at", l.base);
        buf_printf(d->out, "sent to syslog: %" PRIu64 "\nlost by syslog: %" PRIu64 "\n",
                   l.syslog_sent, l.syslog_dropped);
        buf_printf(d->out, "file shared: %s\n", shared ? "yes" : "no");
}

static bool dump_ledgers(struct dump *d, const char *path, struct err *e)
{
        struct state_owner owner;

        if (!persistent_ledger_look(&d->table, path, &owner, &d->damage, e))
                return false;
        dump_owner(d->out, &owner);
        for (uint32_t i = 0; i < d->table.slot_count; i++)
                dump_ledger(d, i);
        return true;
}

/* Empty from the locking to the end of the daemon's start. */
static bool dump_lock(struct dump *d, const char *path, struct err *e)
{
        char text[32] = "";
        AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

        if (n < 0)
                return err_set(e, ERR_SYS, "open %s", path);
        if (n == 0) {
                dump_text(d->out, "pid", "not written yet");
                return true;
        }
        size_t digits = strspn(text, "0123456789");
        if (digits == 0 || digits > 10 || strcmp(text + digits, "\n") != 0)
                return err_set(e, ERR_PROTOCOL, "it is not a pid and a newline");
        text[digits] = '\0';
        dump_text(d->out, "pid", text);
        return true;
}

static bool dump_spool(struct dump *d, const char *path, struct err *e)
{
        struct spool_view spool;

        if (!spool_look(path, &spool, e))
                return false;
        buf_printf(d->out, "pipe: %" PRIu64 "\nbytes that wait: %" PRIu64 "\n", spool.pipe,
                   spool.waits);
        dump_text(d->out, "batch under way", spool.under_way ? "yes" : "no");
        return true;
}

static bool dump_other(struct dump *d, const char *path, struct err *e)
{
        struct stat st;

        if (lstat(path, &st) < 0)
                return err_set(e, ERR_SYS, "look at %s", path);
        dump_number(d->out, "bytes", st.st_size);
        return true;
}

/* ---- the directory */

typedef bool dump_reader(struct dump *d, const char *path, struct err *e);

static void dump_file(struct dump *d, const char *name, dump_reader *reader)
{
        char *path = dump_path(d, name);
        struct err e = { 0 };

        buf_putc(d->out, '\n');
        dump_text(d->out, "file", name);
        if (!(path ? reader(d, path, &e) : err_nomem(&e))) {
                AUTO_BUF what = BUF_INIT;
                buf_printf(&what, "%s at 0: %s", name, e.text);
                d->damage.failed = d->damage.failed || what.failed;
                dump_text(&d->damage, "damaged", buf_str(&what));
        }
        dump_end_file(d);
        free(path);
}

/* In this order, because records refer to texts, and ledgers to records. */
static const struct main_file {
        const char *name;
        dump_reader *read;
        bool is_needed;
} main_files[] = {
        { "lock", dump_lock, false },       { "texts", dump_texts, true },
        { "records", dump_records, true },  { "events", dump_events, true },
        { "ledgers", dump_ledgers, false },
};
#define MAIN_FILES (sizeof main_files / sizeof *main_files)

static bool dump_is_main(const char *name)
{
        for (size_t i = 0; i < MAIN_FILES; i++)
                if (strcmp(main_files[i].name, name) == 0)
                        return true;
        return false;
}

static dump_reader *dump_reader_of(const char *name)
{
        size_t len = strlen(name);

        if (len > 6 && strcmp(name + len - 6, ".aside") == 0)
                return dump_other;
        return strncmp(name, "spool-", 6) == 0 ? dump_spool : dump_other;
}

static void dump_files(struct dump *d)
{
        const struct main_file *f;
        bool any = false;

        for (f = main_files; f < main_files + MAIN_FILES; f++)
                any = any || (f->is_needed && strlist_has(&d->names, f->name));
        for (f = main_files; f < main_files + MAIN_FILES; f++)
                if (strlist_has(&d->names, f->name) || (any && f->is_needed))
                        dump_file(d, f->name, f->read);
        for (size_t i = 0; i < d->names.count; i++) {
                const char *name = d->names.items[i];
                if (!dump_is_main(name))
                        dump_file(d, name, dump_reader_of(name));
        }
}

static bool dump_list(struct dump *d, struct err *e)
{
        struct dirent *entry;
        DIR *dir = opendir(d->dir);

        if (!dir)
                return err_set(e, ERR_SYS, "read the directory %s", d->dir);
        bool ok = true;
        errno = 0;
        while (ok && (entry = readdir(dir)))
                if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                        ok = strlist_add(&d->names, entry->d_name) || err_nomem(e);
        if (ok && errno)
                ok = err_set(e, ERR_SYS, "read the directory %s", d->dir);
        closedir(dir);
        if (ok)
                strlist_sort(&d->names);
        return ok;
}

static void dump_release(struct dump *d)
{
        slot_table_close(&d->state.table);
        slot_table_close(&d->table);
        record_store_close(&d->state.texts);
        record_store_close(&d->state.events);
        strlist_release(&d->names);
        buf_release(&d->damage);
}

bool state_dump(const char *dir, struct buf *out, bool *damaged_out, struct err *e)
{
        const size_t begin = out->len;
        bool ok = true;

        *damaged_out = true;
        for (int i = 0; ok && *damaged_out && i < DUMP_ATTEMPTS; i++) {
                struct dump d = { .dir = dir, .out = out };
                buf_cut(out, begin);
                dump_text(out, "state directory", dir);
                ok = dump_list(&d, e);
                if (ok)
                        dump_files(&d);
                *damaged_out = d.damaged;
                dump_release(&d);
        }
        if (ok && out->failed)
                return err_nomem(e);
        return ok;
}
