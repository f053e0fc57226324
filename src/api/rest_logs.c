/* /v1/logs: a part of a log, or all that comes. Offsets count from the stream's beginning: what the
 * ledger says was written, less what the file holds, is where the present file begins. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/log_stream.h"
#include "api/rest.h"
#include "engine/worker.h"
#include "logs/mainlog.h"
#include "logs/tail.h"
#include "model/registry.h"

#define LOOKS     200        /* at a name that is moved: some microseconds in all */
#define WHOLE_MAX (16 << 20) /* an answer that is not followed */

struct asked {
        bool has_offset, has_tail, has_lines, follow;
        int64_t offset, tail, lines;
};

struct source {
        const char *path; /* borrowed */
        int64_t size;
        uint64_t inode;
        int64_t base;  /* stream offset of the file's first byte; below 0: the file is older */
        bool is_known; /* the ledger knows this file */
        bool is_other; /* it knows another one: just rotated, or by somebody else */
        const char *process; /* borrowed; NULL: nobody's, or not the ledger's */
        bool is_stderr;
};

/* False: there and not a number in the range; answered already. */
static bool number_param(struct request *r, const char *name, int64_t min, int64_t max, bool *there,
                         int64_t *value)
{
        AUTO_BUF text = BUF_INIT;
        char *end;

        *there = request_param(r, name, &text);
        if (!*there)
                return true;
        errno = 0;
        *value = strtoll(buf_str(&text), &end, 10);
        if (text.len > 0 && *end == '\0' && errno == 0 && *value >= min && *value <= max)
                return true;
        rest_error(r, 400, "BAD_REQUEST", "%s has to be a number from %" PRId64, name, min);
        return false;
}

static bool read_params(struct request *r, struct asked *a)
{
        int64_t follow = 0;
        bool there;

        *a = (struct asked){ 0 };
        if (!number_param(r, "offset", INT64_MIN / 2, INT64_MAX / 2, &a->has_offset, &a->offset) ||
            !number_param(r, "tail", 0, INT64_MAX / 2, &a->has_tail, &a->tail) ||
            !number_param(r, "lines", 0, INT_MAX, &a->has_lines, &a->lines) ||
            !number_param(r, "follow", 0, 1, &there, &follow))
                return false;
        a->follow = follow == 1;
        if (a->has_offset + a->has_tail + a->has_lines <= 1)
                return true;
        rest_error(r, 400, "BAD_REQUEST", "say one of offset, tail and lines");
        return false;
}

static void answer_part(struct request *r, const struct source *s, int64_t from,
                        const struct buf *text)
{
        char head[64];

        snprintf(head, sizeof head, "X-Log-Offset: %" PRId64 "\r\n", s->base + from);
        reply(r, 200, "application/octet-stream", head, buf_str(text), text->len);
}

/* False: the file is another one by now. */
static bool answer_follow(struct request *r, const struct source *s, int64_t from,
                          const struct buf *before)
{
        char head[128];
        struct log_stream_how how = { .exact = true,
                                      .at = from,
                                      .inode = s->inode,
                                      .process = s->process,
                                      .is_stderr = s->is_stderr,
                                      .position = s->base + from,
                                      .before = before,
                                      .type = "application/octet-stream",
                                      .extra = head };

        snprintf(head, sizeof head, "X-Log-Offset: %" PRId64 "\r\nX-Accel-Buffering: no\r\n",
                 s->base + from - (int64_t)before->len);
        return log_stream_begin(r, s->path, &how);
}

/* Where in the file the answer begins. */
static int64_t first_byte(const struct asked *a, const struct source *s)
{
        int64_t from = 0;

        if (a->has_offset)
                from = a->offset - s->base;
        else if (a->has_tail)
                from = s->size - a->tail;
        else if (!a->follow && s->size > WHOLE_MAX)
                from = s->size - WHOLE_MAX; /* the newest of what is too much */
        if (from < 0)
                return 0;
        return from > s->size ? s->size : from;
}

/* An offset may lie before the present file: what backups still have of that comes first. */
static enum tail_result read_before(const struct asked *a, const struct source *s, struct buf *out)
{
        int64_t missing = a->has_offset ? s->base - a->offset : 0;

        if (missing <= 0)
                return TAIL_OK;
        return tail_history(s->path, s->inode, missing < WHOLE_MAX ? missing : WHOLE_MAX, out);
}

static bool is_same_file(const struct source *s)
{
        struct stat st;

        return stat(s->path, &st) == 0 && st.st_ino == s->inode;
}

/* False: it was rotated under our hands, nothing was answered. */
static bool answer(struct request *r, const struct asked *a, const struct source *s)
{
        AUTO_BUF text = BUF_INIT;
        int64_t from = first_byte(a, s);
        enum tail_result got = read_before(a, s, &text);
        int64_t before = (int64_t)text.len;

        if (got == TAIL_OK && a->has_lines)
                got = tail_lines(s->path, (int)a->lines, WHOLE_MAX, &text, &from);
        else if (got == TAIL_OK && !a->follow)
                got = tail_read(s->path, from, 0, &text);
        if (a->follow && a->has_lines)
                buf_reset(&text); /* it follows from where they begin */
        if (s->is_known && (!is_same_file(s) || (got == TAIL_FAILED && a->has_offset)))
                return false;
        if (got == TAIL_NO_FILE)
                rest_error(r, 404, fault_name(FAULT_NO_FILE), "%s is not there", s->path);
        else if (got != TAIL_OK || text.failed)
                rest_error(r, 500, fault_name(FAULT_FAILED), "%s cannot be read", s->path);
        else if (a->follow)
                return answer_follow(r, s, from, &text);
        else
                answer_part(r, s, from - before, &text);
        return true;
}

/* The ledger first: what the file holds can only have grown by then. A file that is not the
 * ledger's was just begun, or belongs to somebody else; one that is too short was cut by somebody.
 */
static bool locate(const char *path, const struct stream *stream, struct source *s)
{
        struct stream_ledger l = { 0 };
        struct stat st;

        for (int tries = 0; tries <= LOOKS; tries++) {
                if (stream)
                        stream_ledger(stream, &l);
                s->path = log_readable(path, &st);
                if (!s->path && l.inode && tries < LOOKS)
                        continue; /* between two renames, perhaps */
                s->is_other = l.inode != 0;
                if (!s->path)
                        return false;
                if (tries < LOOKS - 3)
                        tries = LOOKS - 3;
                s->size = st.st_size;
                s->inode = st.st_ino;
                if (!stream)
                        return true;
                s->base = l.base;
                s->is_known = l.inode == st.st_ino;
                s->is_other = l.inode && !s->is_known;
                if (s->is_known && l.base + st.st_size >= (int64_t)l.written)
                        return true;
        }
        s->base = (int64_t)l.written - s->size;
        return true;
}

static void serve(struct request *r, const char *path, const struct stream *stream,
                  const char *name, bool is_stderr)
{
        struct asked a;
        struct source s = { 0 };

        for (int tries = 0; tries < 5; tries++) {
                bool there = locate(path, stream, &s);
                if (tries == 0 && !read_params(r, &a))
                        return;
                if (!there && a.has_offset && s.is_other)
                        continue;
                if (!there) {
                        rest_error(r, 404, fault_name(FAULT_NO_FILE), "%s%s", path ? path : "",
                                   path ? " is no file that can be read" : "there is no log file");
                        return;
                }
                s.process = s.is_known ? name : NULL;
                s.is_stderr = is_stderr;
                if (!(a.has_offset && s.is_other) && answer(r, &a, &s))
                        return;
        }
        rest_error(r, 503, "BUSY", "%s is rotated faster than it can be read", path);
}

static void serve_process(struct request *r, const char *name, bool is_stderr)
{
        const struct process *p = registry_process(&r->sup->registry, name);

        if (!p) {
                rest_fault(r, FAULT_BAD_NAME, name);
                return;
        }
        const struct worker *w = p->worker;
        serve(r, log_path_of(p, is_stderr),
              !w          ? NULL
              : is_stderr ? w->err
                          : w->out,
              name, is_stderr);
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
        (void)name;
        serve(r, r->sup->mainlog ? mainlog_path(r->sup->mainlog) : NULL, NULL, NULL, false);
}
