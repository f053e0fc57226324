/* What a daemon before us left. The first byte says what the rest is: a whole file, with or without
 * a head that is ours, or records with sums that fit, whose content is anything. Nothing may crash,
 * and what is read as a record makes sense. */
#include <assert.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../src/engine/persist/state_record.h"
#include "base/fd.h"

static char dir[] = "/dev/shm/fuzz-state.XXXXXX"; /* thousands of files a second */
static char table_path[64], texts_path[64], events_path[64];
static struct supervisor sup;
static struct state_part part;
static struct log quiet;
static struct buf said;

static void be_quiet(struct log *l, enum log_level level, const char *text, size_t len)
{
        (void)l, (void)level, (void)text, (void)len;
}

static void sweep(void)
{
        static const char *const endings[] = { "", ".aside", ".new" };
        const char *const files[] = { table_path, texts_path, events_path };
        char path[96];

        for (size_t i = 0; i < sizeof files / sizeof *files; i++)
                for (size_t k = 0; k < sizeof endings / sizeof *endings; k++) {
                        snprintf(path, sizeof path, "%s%s", files[i], endings[k]);
                        unlink(path);
                }
}

static void at_end(void)
{
        sweep();
        rmdir(dir);
}

static void begin(struct state *st)
{
        struct err e;

        if (!sup.log) {
                quiet = (struct log){ .level = LVL_CRITICAL, .write = be_quiet };
                sup.log = &quiet;
                assert(mkdtemp(dir));
                snprintf(table_path, sizeof table_path, "%s/records", dir);
                snprintf(texts_path, sizeof texts_path, "%s/texts", dir);
                snprintf(events_path, sizeof events_path, "%s/events", dir);
                atexit(at_end);
        }
        *st = (struct state){ .dir = dir, .lock = -1 };
        assert(state_owner_here(&st->who, &e));
        st->who.version = STATE_VERSION;
        st->who.readable_by = STATE_READABLE_BY;
        buf_reset(&said);
}

static void open_all(struct state *st)
{
        struct err e = { 0 };

        assert(slot_table_open(&st->table, table_path, sizeof(struct record_step), &st->who, &said,
                               &e));
        assert(record_store_open(&st->texts, texts_path, &st->who, &said, &e));
        assert(record_store_open(&st->events, events_path, &st->who, &said, &e));
        part.open = st;
        component_set(&sup, COMPONENT_state, &part);
}

static void close_all(struct state *st)
{
        state_forget_saved_records(&sup);
        free(st->left);
        slot_table_close(&st->table);
        record_store_close(&st->texts);
        record_store_close(&st->events);
}

static void see(void *arg, const struct persisted_event *e)
{
        size_t *sum = arg;

        *sum += strlen(e->pool) + strlen(e->name) + e->len;
        for (size_t i = 0; i < e->len; i++)
                *sum += (unsigned char)e->payload[i];
}

static void look_at_everything(struct state *st)
{
        size_t sum = 0;
        uint32_t slot;

        assert(state_read_all(&sup) && state_events_read(st));
        for (size_t i = 0; i < st->saved_record_count; i++) {
                const struct record *r = &st->saved_records[i].record;
                assert(*r->text[TEXT_NAME] && (r->kind == RECORD_FLEET || r->program_kind));
                for (int k = 0; k < TEXT_COUNT; k++)
                        sum += strlen(r->text[k]);
        }
        state_events_of(&sup, "l", see, &sum);
        state_pool_serial_persisted(&sup, "l", &slot);
        state_events_settled(&sup);
}

/* ---- what the input may be */

static void put_file(const char *path, const uint8_t *head, size_t head_len, const uint8_t *data,
                     size_t size)
{
        AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

        assert(fd >= 0 && fd_write_all(fd, head, head_len) && fd_write_all(fd, data, size));
}

static void as_file(struct state *st, const char *path, bool with_head, const uint8_t *data,
                    size_t size)
{
        uint8_t head[MAPPED_HEADER];

        open_all(st);
        close_all(st);
        AUTO_FD fd = open(path, O_RDONLY);
        assert(read(fd, head, sizeof head) == (ssize_t)sizeof head);
        put_file(path, head, with_head ? sizeof head : 0, data, size);
        open_all(st);
}

static void as_records(struct state *st, const uint8_t *data, size_t size)
{
        struct record_step step;
        struct err e = { 0 };

        open_all(st);
        while (size > sizeof step + 1) {
                size_t len = data[0];
                memcpy(&step, data + 1, sizeof step);
                data += sizeof step + 1;
                size -= sizeof step + 1;
                len = len < size ? len : size;
                step.texts = record_store_put(&st->texts, step.kind, 0, data, len, &e);
                assert(slot_table_add(&st->table, &step, sizeof step, &e) != STATE_NO_SLOT);
                data += len;
                size -= len;
        }
        close_all(st);
        open_all(st);
}

static void as_events(struct state *st, const uint8_t *data, size_t size)
{
        struct err e = { 0 };

        open_all(st);
        while (size > 2) {
                size_t len = data[0] < size - 2 ? data[0] : size - 2;
                record_store_put(&st->events, data[1] % 3, data[1], data + 2, len, &e);
                data += len + 2;
                size -= len + 2;
        }
        close_all(st);
        open_all(st);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct state st;

        if (size < 2)
                return 0;
        begin(&st);
        const char *const files[] = { table_path, texts_path, events_path };
        unsigned kind = data[0] % 8;
        data++, size--;
        if (kind < 6)
                as_file(&st, files[kind % 3], kind < 3, data, size);
        else if (kind == 6)
                as_records(&st, data, size);
        else
                as_events(&st, data, size);
        look_at_everything(&st);
        close_all(&st);
        sweep();
        return 0;
}
