/* Durations, signals, levels, paths: text that people write. */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/duration.h"
#include "base/log.h"
#include "base/path.h"
#include "base/signame.h"

Test(duration, reads_seconds_and_units)
{
        static const struct {
                const char *text;
                int64_t ms;
        } good[] = {
                { "0", 0 },       { "90", 90000 },   { "1.5", 1500 },   { "250ms", 250 },
                { "10s", 10000 }, { "5m", 300000 },  { "1h", 3600000 }, { "1d", 86400000 },
                { "1 s", 1000 },  { "0.5m", 30000 }, { "0.0004s", 0 },  { "3650d", 315360000000 },
                { "0.25s", 250 },
        };

        for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
                int64_t ms = -1;
                cr_expect(duration_parse(good[i].text, &ms), "%s", good[i].text);
                cr_expect_eq(ms, good[i].ms, "%s", good[i].text);
        }
}

Test(duration, refuses_what_is_none)
{
        static const char *const bad[] = {
                "",      "s",    "-1",  "+1",    "1x",
                "soon",  ".5",   "1.",  "1..",   "1.2.3",
                "1e3",   "0x10", "1 2", " 1",    "1S",
                "3651d", "inf",  "nan", "1_000", "99999999999999999999"
        };

        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
                int64_t ms = -7;
                cr_expect_not(duration_parse(bad[i], &ms), "%s", bad[i]);
                cr_expect_eq(ms, -7);
        }
}

Test(duration, is_written_in_the_shortest_exact_form_that_reads_back)
{
        static const struct {
                int64_t ms;
                const char *text;
        } forms[] = { { 0, "0s" },        { 250, "250ms" },    { 1500, "1500ms" },
                      { 60000, "1m" },    { 61000, "61s" },    { 3600000, "1h" },
                      { 5400000, "90m" }, { 172800000, "2d" }, { 1, "1ms" } };

        for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
                AUTO_BUF b = BUF_INIT;
                int64_t back;
                duration_format(forms[i].ms, &b);
                cr_expect_str_eq(buf_str(&b), forms[i].text);
                cr_expect(duration_parse(buf_str(&b), &back));
                cr_expect_eq(back, forms[i].ms);
        }
}

Test(signame, reads_names_and_numbers)
{
        cr_expect_eq(signame_parse("TERM"), SIGTERM);
        cr_expect_eq(signame_parse("SIGTERM"), SIGTERM);
        cr_expect_eq(signame_parse("sigterm"), SIGTERM);
        cr_expect_eq(signame_parse("15"), SIGTERM);
        cr_expect_eq(signame_parse("0"), 0);
        cr_expect_eq(signame_parse("cld"), SIGCHLD);
        cr_expect_eq(signame_parse("RTMIN"), SIGRTMIN);
        cr_expect_eq(signame_parse("SIGRTMIN+3"), SIGRTMIN + 3);
        cr_expect_eq(signame_parse("RTMAX-1"), SIGRTMAX - 1);
}

Test(signame, tells_no_such_name_from_no_such_number)
{
        cr_expect_eq(signame_parse("FOO"), -1);
        cr_expect_eq(signame_parse(""), -1);
        cr_expect_eq(signame_parse("SIG"), -1);
        cr_expect_eq(signame_parse("RTMIN+99"), -1);
        cr_expect_eq(signame_parse("RTMIN-1"), -1);
        cr_expect_eq(signame_parse("TERM "), -1);
        cr_expect_eq(signame_parse("99"), -2);
        cr_expect_eq(signame_parse("-1"), -2);
        cr_expect_eq(signame_parse("99999999999999999999"), -2);
}

Test(signame, names_every_signal_so_that_it_can_be_read_back)
{
        char name[16];

        cr_expect_str_eq(signame_of(SIGKILL, name, sizeof name), "SIGKILL");
        cr_expect_str_eq(signame_of(SIGCHLD, name, sizeof name), "SIGCHLD");
        cr_expect_str_eq(signame_of(SIGRTMIN + 3, name, sizeof name), "SIGRTMIN+3");
        cr_expect_str_eq(signame_of(77, name, sizeof name), "signal 77");
        for (int sig = 1; sig <= SIGRTMAX; sig++)
                if (signame_parse(signame_of(sig, name, sizeof name)) >= 0)
                        cr_expect_eq(signame_parse(name), sig);
}

struct lines {
        struct log log; /* first */
        char last[200];
        size_t len;
        int count;
};

static void keep_line(struct log *self, enum log_level level, const char *text, size_t len)
{
        struct lines *l = (struct lines *)self;

        (void)level;
        memcpy(l->last, text, len + 1);
        l->len = len;
        l->count++;
        errno = EBADF;
}

Test(log, formats_only_what_is_wanted_and_keeps_errno)
{
        struct lines l = { .log = { .level = LVL_INFO, .write = keep_line } };

        errno = ENOENT;
        log_line(&l.log, LVL_DEBUG, "no");
        log_line(NULL, LVL_ERROR, "no");
        cr_expect_eq(l.count, 0);
        log_line(&l.log, LVL_WARN, "%s: %m", "x");
        cr_expect_eq(errno, ENOENT);
        cr_expect_eq(l.count, 1);
        cr_expect_str_eq(l.last, "x: No such file or directory");
        cr_expect_eq(l.len, strlen(l.last));
}

Test(log, knows_its_levels_by_name)
{
        static const char *const names[] = { "critical", "error", "warn",   "info",
                                             "debug",    "trace", "blather" };

        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                cr_expect_str_eq(log_level_name(log_level_parse(names[i])), names[i]);
        cr_expect_eq(log_level_parse("WARN"), LVL_WARN);
        cr_expect_eq(log_level_parse("warning"), 0);
        cr_expect_eq(log_level_parse(""), 0);
        cr_expect_str_eq(log_level_tag(LVL_CRITICAL), "CRIT");
        cr_expect_str_eq(log_level_tag(LVL_BLATHER), "BLAT");
}

static void expect_text(char *got, const char *want)
{
        cr_expect_str_eq(got, want);
        free(got);
}

Test(path, joins_and_splits)
{
        expect_text(path_join("/a", "b"), "/a/b");
        expect_text(path_join("/a/", "b"), "/a/b");
        expect_text(path_join("/a", "/b"), "/b");
        expect_text(path_join("", "b"), "b");
        expect_text(path_dirname("/a/b"), "/a");
        expect_text(path_dirname("/a"), "/");
        expect_text(path_dirname("a"), "");
        expect_text(path_dirname("/a/"), "/a");
        cr_expect_str_eq(path_basename("/a/b"), "b");
        cr_expect_str_eq(path_basename("b"), "b");
        cr_expect_str_eq(path_basename("/a/"), "");
}

Test(path, becomes_absolute_without_dots)
{
        expect_text(path_absolute("x", "/work"), "/work/x");
        expect_text(path_absolute("./a/../b//c/.", "/work"), "/work/b/c");
        expect_text(path_absolute("/../..", "/work"), "/");
        expect_text(path_absolute("../../../x", "/work/a"), "/x");
        expect_text(path_absolute("", "/work"), "/work");
        expect_text(path_absolute("/a/b/../c", "/"), "/a/c");
}

Test(clock, reads_two_clocks_that_do_not_go_back)
{
        struct moment a = clock_now(), b = clock_now();

        cr_expect_geq(b.mono_ms, a.mono_ms);
        cr_expect_gt(a.wall_ms, 1600000000000);
        cr_expect_leq(clock_mono_ms() - b.mono_ms, 60000);
}
