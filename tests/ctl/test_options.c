#include <criterion/criterion.h>
#include <string.h>

#include "ctl/options.h"

#define PARSE(o, e, ...)                                                                \
        options_parse((int)(sizeof((char *[]){ "ctl", __VA_ARGS__ }) / sizeof(char *)), \
                      (char *[]){ "ctl", __VA_ARGS__, NULL }, (o), (e))

Test(options, keep_everything_behind_the_first_operand_for_the_command)
{
        struct options o;
        struct err e;

        cr_assert(PARSE(&o, &e, "-i", "tail", "-f", "--json", "web"));
        cr_expect(o.interactive);
        cr_expect_eq(o.rest, 2);
        cr_expect_not(o.json);
}

Test(options, can_be_bundled_and_glued_to_their_value)
{
        struct options o;
        struct err e;

        cr_assert(PARSE(&o, &e, "-ic/etc/x.conf", "-uJoe", "-p", "se cret"));
        cr_expect(o.interactive);
        cr_expect_str_eq(o.config, "/etc/x.conf");
        cr_expect_str_eq(o.username, "Joe");
        cr_expect_str_eq(o.password, "se cret");
}

Test(options, may_be_shortened_to_a_unique_prefix)
{
        struct options o;
        struct err e;

        cr_assert(PARSE(&o, &e, "--co=a.conf", "--user", "joe", "--s", "unix:///x", "--hi", "h"));
        cr_expect_str_eq(o.config, "a.conf");
        cr_expect_str_eq(o.username, "joe");
        cr_expect_str_eq(o.serverurl, "unix:///x");
        cr_expect_str_eq(o.history_file, "h");
}

Test(options, of_ours_want_their_whole_name)
{
        struct options o;
        struct err e;

        cr_assert(PARSE(&o, &e, "--json", "--verbose", "--complete"));
        cr_expect(o.json && o.verbose && o.complete);
        cr_expect_not(PARSE(&o, &e, "--js"));
        cr_expect_str_eq(e.text, "option --js not recognized");
}

Test(options, are_refused_in_the_words_of_getopt)
{
        static const struct {
                char *arg;
                const char *text;
        } rows[] = {
                { "--nosuch", "option --nosuch not recognized" },
                { "-x", "option -x not recognized" },
                { "-c", "option -c requires argument" },
                { "--user", "option --username requires argument" },
                { "--h", "option --h not a unique prefix" },
                { "--interactive=3", "option --interactive must not have an argument" },
        };
        struct options o;
        struct err e;

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                cr_expect_not(PARSE(&o, &e, rows[i].arg));
                cr_expect_str_eq(e.text, rows[i].text);
        }
}

Test(options, end_at_two_dashes)
{
        struct options o;
        struct err e;

        cr_assert(PARSE(&o, &e, "-i", "--", "-x"));
        cr_expect_eq(o.rest, 3);
}

Test(options, know_a_question_mark_as_help)
{
        struct options o;
        struct err e;

        cr_assert(PARSE(&o, &e, "-?"));
        cr_expect(o.help);
}

Test(options, are_all_in_the_usage)
{
        AUTO_BUF text = BUF_INIT;

        options_usage(&text, "supervisorctl");
        cr_expect_not_null(strstr(buf_str(&text), "-s/--serverurl URL"));
        cr_expect_not_null(strstr(buf_str(&text), "--json"));
        cr_expect_null(strstr(buf_str(&text), "--complete"), "hidden");
}

Test(options, complete_to_what_begins_like_the_word)
{
        AUTO_BUF out = BUF_INIT;

        options_complete("--user", &out);
        cr_expect_str_eq(buf_str(&out), "--username\tuser name for a server that wants one\n");
        cr_expect(options_wants_file("-c"));
        cr_expect(options_wants_file("--history_file"));
        cr_expect_not(options_wants_file("-s"));
        cr_expect_not(options_wants_file("c"));
}
