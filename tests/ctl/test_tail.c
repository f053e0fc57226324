/* tail of several logs: its options, its lines. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/commands/tail.h"
#include "fake_daemon.h"

/* ---- words */

static struct strlist words(const char *text)
{
        struct strlist v = STRLIST_INIT;

        for (const char *at = text; *at;) {
                size_t len = strcspn(at, " ");
                cr_assert(strlist_add_n(&v, at, len));
                at += len + (at[len] == ' ');
        }
        return v;
}

static bool is_plain(const char *text)
{
        AUTO_STRLIST v = words(text);

        return tail_is_plain(&v);
}

Test(tail_args, leave_supervisors_forms_alone)
{
        cr_expect(is_plain("web"));
        cr_expect(is_plain("-f web"));
        cr_expect(is_plain("-100 web:web_00 stderr"));
        cr_expect(is_plain("web stdwhat"));
        cr_expect(is_plain("-x web"));
        cr_expect(is_plain("-f"));
        cr_expect_not(is_plain("all"));
        cr_expect_not(is_plain("-f web:*"));
        cr_expect_not(is_plain("-f w*"));
        cr_expect_not(is_plain("-n 3 web"));
        cr_expect_not(is_plain("-n3 web"));
        cr_expect_not(is_plain("web -f"));
        cr_expect_not(is_plain("a b c"));
        cr_expect_not(is_plain("--since 10m web"));
}

static struct ctl ctl;
static struct tail_ask ask;
static struct strlist said;
static char *told;
static size_t told_len;

static void setup(void)
{
        ctl = (struct ctl){ 0 };
        ctl.out = ctl.err = ctl.talk = open_memstream(&told, &told_len);
}

static void teardown(void)
{
        tail_ask_release(&ask);
        strlist_release(&said);
        fclose(ctl.out);
        free(told);
}

static bool parse(const char *text)
{
        tail_ask_release(&ask);
        strlist_release(&said);
        said = words(text);
        return tail_parse(&ctl, &said, &ask);
}

TestSuite(tail_args, .init = setup, .fini = teardown);

Test(tail_args, are_read_in_any_order)
{
        cr_assert(parse("-f a --lines=7 --since 10m b --stderr"));
        cr_expect(ask.follow && ask.lines == 7 && strcmp(ask.since, "10m") == 0);
        cr_expect(!ask.streams[0] && ask.streams[1] && ask.names.count == 2);
        cr_assert(parse("-n12 a -- -b"));
        cr_expect(ask.lines == 12 && ask.streams[0] && ask.streams[1]);
        cr_expect_str_eq(ask.names.items[1], "-b");
        cr_assert(parse("a stdout -n 1"));
        cr_expect(ask.names.count == 1 && ask.streams[0] && !ask.streams[1]);
        cr_assert(parse("--grep x --grep y stdout"));
        cr_expect_str_eq(ask.names.items[0], "stdout");
}

Test(tail_args, are_refused_with_code_2)
{
        static const char *const wrong[] = { "--lines -1 a", "--since never a", "--grep a( a",
                                             "-n",           "--nothing a",     "--follow=1 a",
                                             "--grep",       "-7 -n 2 a",       "--since= a",
                                             "-n 3",         "--lin 3 a" };

        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
                ctl.exit_code = 0;
                cr_expect_not(parse(wrong[i]), "%s", wrong[i]);
                cr_expect_eq(ctl.exit_code, EXIT_USAGE, "%s", wrong[i]);
        }
}

Test(tail_args, keep_the_blanks_of_a_value)
{
        char *const line[] = { "tail", "--grep", "it's a \"test\"", "--since=2026-01-01 00:00:00Z",
                               "a" };
        AUTO_BUF text = BUF_INIT;

        cmd_join(&text, line, 5);
        cr_expect_str_eq(buf_str(&text), "tail --grep 'it'\"'\"'s a \"test\"' "
                                         "--since='2026-01-01 00:00:00Z' a");
        char *const other[] = { "start", "--grep", "a b" };
        buf_reset(&text);
        cmd_join(&text, other, 3);
        cr_expect_str_eq(buf_str(&text), "start --grep a b");
}

/* ---- lines */

static struct tail_out out;
static struct tail_lines lines;

static void feed(const char *text)
{
        tail_lines_feed(&lines, text, strlen(text));
}

static void begin(const char *options)
{
        cr_assert(parse(options));
        out = (struct tail_out){ .ctl = &ctl, .out = ctl.out, .ask = &ask, .width = 5 };
        tail_lines_release(&lines);
        lines = (struct tail_lines){ .to = &out, .name = "web" };
}

static void expect(const char *want)
{
        fflush(ctl.out);
        cr_expect_str_eq(told, want, "'%s'", told);
}

TestSuite(tail_lines, .init = setup, .fini = teardown);

Test(tail_lines, stand_behind_an_aligned_name)
{
        begin("web");
        feed("one\ntw");
        expect("web   | one\n");
        feed("o\n\nthr");
        lines.is_stderr = true;
        feed("ee\n");
        expect("web   | one\nweb   | two\nweb   | \nweb   ! three\n");
        feed("no end");
        tail_lines_end(&lines);
        tail_lines_end(&lines);
        expect("web   | one\nweb   | two\nweb   | \nweb   ! three\nweb   ! no end\n");
        tail_lines_release(&lines);
}

Test(tail_lines, can_stand_alone_and_be_chosen)
{
        begin("--no-prefix --grep ^.[0-9]+$ web");
        feed("a1\nb\nc33\n");
        expect("a1\nc33\n");
        tail_lines_release(&lines);
}

Test(tail_lines, are_searched_beyond_a_zero_byte)
{
        begin("--no-prefix --grep end$ web");
        tail_lines_feed(&lines, "a\0end\nb\0ends\n", 13);
        fflush(ctl.out);
        cr_expect(told_len == 6 && memcmp(told, "a\0end\n", 6) == 0);
        tail_lines_release(&lines);
}

Test(tail_lines, of_which_only_the_last_are_shown)
{
        begin("--no-prefix web");
        lines.ring_size = 2;
        feed("1\n2\n3\n4\n5\n6");
        expect("");
        tail_lines_show(&lines);
        expect("4\n5\n");
        feed("x\n7\n");
        expect("4\n5\n6x\n7\n");
        tail_lines_release(&lines);
}

Test(tail_lines, are_coloured_on_a_terminal)
{
        begin("web");
        out.colour = true;
        feed("plain\n\033[1mbold\n");
        fflush(ctl.out);
        cr_expect_not_null(strstr(told, "web   |\033[0m plain\n"));
        cr_expect_not_null(strstr(told, "\033[1mbold\033[0m\n"));
        tail_lines_release(&lines);
}

Test(tail_lines, longer_than_anything_are_shown_in_pieces)
{
        static char much[3 << 20];

        memset(much, 'x', sizeof much);
        begin("--no-prefix web");
        tail_lines_feed(&lines, much, sizeof much);
        feed("\n");
        fflush(ctl.out);
        cr_expect(told_len >= sizeof much && lines.part.len == 0);
        tail_lines_release(&lines);
}

/* ---- a daemon without /v1 */

Test(tail_daemon, that_is_supervisors_is_told_apart)
{
        struct fake_daemon d;

        FAKE_DAEMON(&d, { "/v1/", 404, "text/html", "<html>no</html>", 0 });
        ctl_run(&d.ctl, "tail -n 3 a");
        cr_expect_not_null(strstr(fake_daemon_said(&d), "answered /v1 with HTTP status 404"));
        cr_expect_eq(d.ctl.exit_code, EXIT_VERSION);
        fake_daemon_stop(&d);
}
