/* /v1/logs: a part of a log, or all that comes. Offsets count from the stream's beginning, as the
 * ledger does, so that they hold across rotations. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "api/rest/log_stream.h"
#include "api/rest/rest.h"
#include "api/rest/routes.h"
#include "base/duration.h"
#include "base/stamp.h"
#include "engine/core/startup.h"
#include "logs/mainlog/mainlog.h"
#include "model/fleet/registry.h"

#define TYPE "application/octet-stream"

/* ---- what is asked for */

static bool bad_param(struct request *r, const char *name, const char *want)
{
        rest_error(r, 400, "BAD_REQUEST", "%s has to be %s", name, want);
        return false;
}

/* "10m": so long ago; or a point in time. */
static bool parse_since(const char *text, int64_t *ms_out)
{
        size_t len = strlen(text), used;
        int64_t ms;

        if (duration_parse(text, &ms)) {
                *ms_out = clock_wall_ms() - ms;
                return true;
        }
        return stamp_read(text, len, ms_out, &used) && used == len;
}

static bool rest_logs_parse_number(const char *text, int64_t min, int64_t max, int64_t *out)
{
        char *end;

        errno = 0;
        *out = strtoll(text, &end, 10);
        return *text && !*end && errno == 0 && *out >= min && *out <= max;
}

static const struct param {
        const char *name;
        enum log_from from;
        int64_t min, max;
        const char *want;
} params[] = {
        { "offset", FROM_OFFSET, INT64_MIN / 2, INT64_MAX / 2, "a number" },
        { "tail", FROM_TAIL, 0, INT64_MAX / 2, "a number of bytes, from 0" },
        { "lines", FROM_LINES, 0, INT_MAX, "a number of lines, from 0" },
        { "since", FROM_TIME, 0, 0, "a duration (10m, 2h) or a time (2026-11-20T05:22:01Z)" },
};

/* False: there, and nothing that can be meant; answered already. */
static bool take_param(struct request *r, const struct param *p, struct log_ask *ask, int *count)
{
        AUTO_BUF text = BUF_INIT;

        if (!request_param(r, p->name, &text))
                return true;
        bool fine = p->from == FROM_TIME
                        ? parse_since(buf_str(&text), &ask->value)
                        : rest_logs_parse_number(buf_str(&text), p->min, p->max, &ask->value);
        if (!fine)
                return bad_param(r, p->name, p->want);
        ask->from = p->from;
        if (++*count <= 1)
                return true;
        rest_error(r, 400, "BAD_REQUEST", "say one of offset, tail, lines and since");
        return false;
}

static bool read_life(struct request *r, uint64_t *life)
{
        AUTO_BUF text = BUF_INIT;
        char *end;

        if (!request_param(r, "life", &text))
                return true;
        *life = strtoull(buf_str(&text), &end, 16);
        return (text.len == 16 && !*end) ||
               bad_param(r, "life", "what X-Log-Life said: 16 hexadecimal digits");
}

static bool read_mark(struct request *r, const char *name, bool *value)
{
        AUTO_BUF text = BUF_INIT;

        if (!request_param(r, name, &text))
                return true;
        *value = strcmp(buf_str(&text), "1") == 0;
        return *value || strcmp(buf_str(&text), "0") == 0 || bad_param(r, name, "0 or 1");
}

static bool read_params(struct request *r, struct log_ask *ask)
{
        bool rotated = true;
        int count = 0;

        *ask = (struct log_ask){ .from = FROM_BEGINNING };
        if (!read_life(r, &ask->life))
                return false;
        for (size_t i = 0; i < sizeof params / sizeof *params; i++)
                if (!take_param(r, &params[i], ask, &count))
                        return false;
        if (!read_mark(r, "follow", &ask->follow) || !read_mark(r, "rotated", &rotated))
                return false;
        ask->here_only = !rotated;
        return true;
}

/* ---- the answer */

static void rest_logs_put_head(const struct request *r, const struct log_part *part,
                               struct buf *head)
{
        (void)r;
        buf_printf(head, "X-Log-Offset: %" PRId64 "\r\n", part->offset);
        if (part->life)
                buf_printf(head, "X-Log-Life: %016" PRIx64 "\r\n", part->life);
        if (part->is_vague)
                buf_puts(head, "X-Log-Since: vague\r\n");
}

static void put_follow_head(const struct request *r, const struct log_part *part, struct buf *head)
{
        rest_logs_put_head(r, part, head);
        buf_puts(head, "X-Accel-Buffering: no\r\n");
}

static const struct {
        enum tail_result result;
        int status;
        const char *code, *detail;
} refusals[] = {
        { TAIL_NO_FILE, 404, "NO_FILE", "there is no log file that can be read" },
        { TAIL_BUSY, 503, "BUSY", "the log is rotated faster than it can be read" },
        { TAIL_LATE, 504, "TIMEOUT",
          "it takes longer than four seconds to find in the log what was asked for" },
        { TAIL_SILENT, 504, "TIMEOUT", READ_LATE_TEXT },
        { TAIL_ASTRAY, 410, "MOVED_AWAY",
          "the file that is written to was renamed or removed by another program: what is in it "
          "cannot be read back; a new one is begun with SIGUSR2" },
        { TAIL_OTHER_LIFE, 410, "GONE",
          "the log is counted anew since this offset was told, by another daemon or for another "
          "process of this name: 0 is the first byte of the present count" },
};

static void rest_logs_refuse_by(struct request *r, const struct log_part *part, int status,
                                const char *code, const char *detail)
{
        if (status == 410)
                rest_error_at(r, status, code, part->offset, detail);
        else
                rest_error(r, status, code, "%s", detail);
}

static void rest_logs_refuse(struct request *r, const struct log_part *part)
{
        for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
                if (refusals[i].result == part->result) {
                        rest_logs_refuse_by(r, part, refusals[i].status, refusals[i].code,
                                            refusals[i].detail);
                        return;
                }
        rest_error(r, 500, "FAILED", "the log cannot be read");
}

/* ---- once */

static void rest_logs_answer(struct request *r, struct log_part *part)
{
        AUTO_BUF head = BUF_INIT;

        if (part->result != TAIL_OK) {
                rest_logs_refuse(r, part);
                return;
        }
        rest_logs_put_head(r, part, &head);
        reply_body(r, 200, TYPE, buf_str(&head), &part->text);
}

static void answer_once(struct request *r, const struct follow_ask *ask)
{
        struct err e;

        if (!log_part_begin(r, ask, rest_logs_answer, &e))
                rest_error(r, 503, "BUSY", "%s", e.text);
}

/* ---- the routes */

/* ledger: a reference, which is taken over; NULL: none */
static void rest_logs_serve(struct request *r, const char *path, uid_t owner,
                            struct ledger_box *ledger)
{
        struct log_stream_how how = { .ask = { .path = path, .ledger = ledger },
                                      .type = TYPE,
                                      .put_head = put_follow_head,
                                      .refuse = rest_logs_refuse };
        bool asked = read_params(r, &how.ask.from);

        how.ask.from.owner = owner;
        if (how.ask.from.here_only) { /* the file alone, as it is: nothing is counted */
                how.ask.ledger = NULL;
                how.ask.marks = true;
        }
        if (asked && !path)
                rest_logs_refuse(r, &(struct log_part){ .result = TAIL_NO_FILE });
        else if (asked && how.ask.from.follow)
                log_stream_begin(r, &how);
        else if (asked)
                answer_once(r, &how.ask);
        ledger_drop(ledger);
}

static void serve_process(struct request *r, const char *name, bool is_stderr)
{
        const struct process *p = registry_process(&r->sup->registry, name);
        const struct stream *s = p ? log_stream_of(p, is_stderr) : NULL;

        if (p)
                rest_logs_serve(r, log_path_of(p, is_stderr), log_owner_of(p, is_stderr),
                                s ? stream_ledger_ref(s) : NULL);
        else
                rest_fault(r, FAULT_BAD_NAME, name);
}

void rest_log_stdout(struct request *r, const char *name)
{
        serve_process(r, name, false);
}

void rest_log_stderr(struct request *r, const char *name)
{
        serve_process(r, name, true);
}

void rest_log_main(struct request *r, const char *name)
{
        const struct mainlog *m = startup_of(r->sup)->mainlog;

        (void)name;
        rest_logs_serve(r, m ? mainlog_path(m) : NULL, user_owner(&r->sup->config->settings.user),
                        m ? mainlog_ledger_ref(m) : NULL);
}
