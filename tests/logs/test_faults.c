/* Every system call fails once, at each of its turns, in each way: the ledger adds up at every
 * step, and in the end each line is there once, whole and in order. */
#include "../../src/logs/thread.h"
#include "logs/mainlog/mainlog.h"
#include "subject.h"

TestSuite(faults, .init = setup_fake, .fini = teardown, .timeout = 60);

/* What happens to one call: an errno, or so few bytes. */
static const struct fault {
        int error;
        size_t bytes;
} faults[] = { { EINTR, 0 }, { EAGAIN, 0 }, { ENOSPC, 0 }, { EIO, 0 }, { 0, 1 }, { 0, 7 } };

/* Reading: what is neither of these is the pipe's end, which is another story. */
static bool applies(enum kernel_call call, const struct fault *f)
{
        if (f->bytes)
                return call == K_READ || call == K_WRITE || call == K_SPLICE;
        return call != K_READ || f->error == EINTR || f->error == EAGAIN;
}

static const char *name_of(enum kernel_call call)
{
        static const char *const names[K_COUNT] = {
                [K_OPEN] = "open",     [K_CLOSE] = "close",   [K_READ] = "read",
                [K_WRITE] = "write",   [K_PREAD] = "pread",   [K_FSTAT] = "fstat",
                [K_STAT] = "stat",     [K_RENAME] = "rename", [K_UNLINK] = "unlink",
                [K_SPLICE] = "splice",
        };

        return names[call];
}

static const enum kernel_call all_calls[] = { K_OPEN,  K_CLOSE, K_READ,   K_WRITE,  K_PREAD,
                                              K_FSTAT, K_STAT,  K_RENAME, K_UNLINK, K_SPLICE };
#define CALLS   (sizeof all_calls / sizeof *all_calls)
#define BACKUPS 15 /* more than there will be */

static char where[128]; /* shown when a check fails */

/* ---- one worker's life */

static int worker, said;

/* What is there to be read is: EAGAIN and EINTR cost a turn. */
static void nudge(void)
{
        for (int i = 0; i < 3; i++)
                ev_run(rig.loop, EVRUN_NOWAIT);
        for (int i = 0; i < 5 && s->channel->out.queued; i++)
                writer_retry(s->channel->out.writer);
        rig_check(s);
}

/* A start that is refused is tried again, and brings its settings along. */
static void attach(const struct stream_conf *c)
{
        struct err e = { 0 };
        int fds[2];

        for (int i = 0; i < 2; i++) {
                cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
                if (stream_attach(s, fds[0], NULL, &e))
                        break;
                close(fds[1]);
                cr_assert_eq(i, 0, "%s: %s", where, e.text);
                cr_assert(stream_configure(s, c, &e));
        }
        worker = fds[1];
}

static void say(int count)
{
        char line[32];

        for (int i = 0; i < count; i++) {
                snprintf(line, sizeof line, "line %d\n", ++said);
                rig_say(worker, line);
                if (i % 2)
                        nudge();
        }
        nudge();
}

static void end(void)
{
        stream_finish(s);
        close(worker);
        nudge();
}

static void live(const struct stream_conf *c)
{
        struct stream_conf other = *c;

        said = 0;
        attach(c);
        say(9);
        stream_reopen(s);
        say(3);
        stream_rotate(s);
        say(4);
        rig_say(worker, "line ");
        nudge();
        stream_rotate(s);
        rig_say(worker, "17\n");
        said++;
        say(2);
        end();
        other.maxbytes = c->maxbytes * 2;
        cr_assert(stream_configure(s, &other, &rig.err));
        attach(&other);
        say(10);
        end();
        nudge();
}

/* ---- what is there afterwards */

static char *whole_log(void)
{
        struct buf all = BUF_INIT;
        char name[16];

        for (int i = BACKUPS; i >= 0; i--) {
                size_t len;
                snprintf(name, sizeof name, i ? "o.%d" : "o", i);
                char *part = rig_read(&rig, name, &len);
                buf_put(&all, part, len);
                free(part);
                unlink(rig_path(&rig, name));
        }
        char *text = buf_take(&all);
        return text ? text : strdup("");
}

static void expect_lines(enum log_format format)
{
        char want[64];
        char *text = whole_log(), *rest = text, *line;
        int n = 0;

        while ((line = strsep(&rest, "\n")) && *line) {
                snprintf(want, sizeof want,
                         format == LOG_JSON ? "\"message\":\"line %d\"}" : "line %d", ++n);
                size_t len = strlen(line), end_len = strlen(want);
                cr_assert(len >= end_len && strcmp(line + len - end_len, want) == 0,
                          "%s: line %d is '%s'", where, n, line);
                cr_assert(format != LOG_RAW || len == end_len, "%s: '%s'", where, line);
        }
        free(text);
        cr_assert_eq(n, said, "%s: %d of %d lines", where, n, said);
        stream_ledger(s, &led);
        cr_assert(led.buffered == 0 && led.dropped == 0 && led.read == led.written,
                  "%s: read %lu written %lu dropped %lu", where, (unsigned long)led.read,
                  (unsigned long)led.written, (unsigned long)led.dropped);
}

/* False: the call has no such turn, nothing has failed. */
static bool fail_once(const struct stream_conf *c, enum kernel_call call, long nth,
                      const struct fault *f)
{
        snprintf(where, sizeof where, "%s %ld: %s", name_of(call), nth,
                 f->bytes ? "short" : strerror(f->error));
        make(*c);
        rig.kernel.calls[call] = 0;
        if (f->bytes)
                kernel_shorten(&rig.kernel, call, nth, f->bytes);
        else
                kernel_fail(&rig.kernel, call, nth, f->error);
        live(c);
        bool any = rig.kernel.calls[call] >= nth;
        kernel_mend(&rig.kernel, call);
        expect_lines(c->format);
        stream_free(s);
        s = NULL;
        return any;
}

static bool failed[K_COUNT];

static void fail_everywhere(enum log_format format)
{
        char path[256];
        struct stream_conf c = { .process = "p", .path = path };

        snprintf(path, sizeof path, "%s", rig_path(&rig, "o"));
        c.maxbytes = format == LOG_RAW ? 40 : format == LOG_TEXT ? 160 : 500;
        c.backups = BACKUPS;
        c.format = format;
        for (size_t i = 0; i < CALLS; i++)
                for (size_t k = 0; k < sizeof faults / sizeof *faults; k++) {
                        if (!applies(all_calls[i], &faults[k]))
                                continue;
                        long nth = 1;
                        while (fail_once(&c, all_calls[i], nth, &faults[k]))
                                nth++;
                        failed[all_calls[i]] = failed[all_calls[i]] || nth > 1;
                }
}

Test(faults, of_every_call_lose_nothing_of_raw_output)
{
        fail_everywhere(LOG_RAW);
        cr_expect(failed[K_OPEN] && failed[K_READ] && failed[K_WRITE] && failed[K_FSTAT] &&
                  failed[K_STAT] && failed[K_RENAME] && failed[K_PREAD] && failed[K_CLOSE]);
}

/* The bytes go from the pipe to the file by themselves. */
Test(faults, of_every_call_lose_nothing_of_output_that_is_moved)
{
        rig.logs->core->real = true;
        fail_everywhere(LOG_RAW);
        cr_expect(failed[K_SPLICE] && !failed[K_WRITE]);
}

Test(faults, of_every_call_lose_nothing_of_text)
{
        fail_everywhere(LOG_TEXT);
}

Test(faults, of_every_call_lose_nothing_of_json)
{
        fail_everywhere(LOG_JSON);
}

/* ---- the main log */

static void tell(struct mainlog *m, int count, int *told)
{
        for (int i = 0; i < count; i++)
                log_line(mainlog_log(m), LVL_INFO, "line %d", ++*told);
}

/* Its own lines about its trouble may stand between the others. */
static void expect_told(int told)
{
        char *text = whole_log(), *rest = text, *line;
        int n = 0, number;

        while ((line = strsep(&rest, "\n")) && *line) {
                cr_assert_gt(strlen(line), 24, "%s: '%s'", where, line);
                if (sscanf(line + 24, "INFO line %d", &number) == 1)
                        cr_assert_eq(number, ++n, "%s: '%s'", where, line);
                else
                        cr_assert(
                            strstr(line, "; its lines wait") || strstr(line, "is written again") ||
                                strstr(line, "cannot rotate") || strstr(line, "cannot reopen"),
                            "%s: '%s'", where, line);
        }
        free(text);
        cr_assert_eq(n, told, "%s: %d of %d lines", where, n, told);
}

static bool fail_main_once(enum kernel_call call, long nth, const struct fault *f)
{
        struct mainlog_conf c = { .path = rig_path(&rig, "o"),
                                  .level = LVL_INFO,
                                  .maxbytes = 150,
                                  .backups = BACKUPS,
                                  .sys = &rig.kernel.ops };
        int told = 0;

        snprintf(where, sizeof where, "%s %ld: %s", name_of(call), nth,
                 f->bytes ? "short" : strerror(f->error));
        rig.kernel.calls[call] = 0;
        if (f->bytes)
                kernel_shorten(&rig.kernel, call, nth, f->bytes);
        else
                kernel_fail(&rig.kernel, call, nth, f->error);
        struct mainlog *m = mainlog_new(&c, &rig.err);
        if (!m)
                m = mainlog_new(&c, &rig.err);
        cr_assert(m, "%s: %s", where, rig.err.text);
        tell(m, 9, &told);
        mainlog_reopen(m);
        tell(m, 5, &told);
        c.maxbytes = 200;
        cr_assert(mainlog_configure(m, &c, &rig.err), "%s: %s", where, rig.err.text);
        tell(m, 9, &told);
        bool any = rig.kernel.calls[call] >= nth;
        kernel_mend(&rig.kernel, call);
        mainlog_free(m);
        expect_told(told);
        return any;
}

Test(faults, of_every_call_lose_nothing_of_the_main_log)
{
        for (size_t i = 0; i < CALLS; i++)
                for (size_t k = 0; k < sizeof faults / sizeof *faults; k++)
                        if (applies(all_calls[i], &faults[k]) && all_calls[i] != K_READ)
                                for (long nth = 1; fail_main_once(all_calls[i], nth, &faults[k]);
                                     nth++)
                                        ;
}
