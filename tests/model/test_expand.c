#include <criterion/criterion.h>
#include <string.h>

#include "model/config/expand.h"
#include "model/config/pytext.h"

static const char *const outer[] = { "HOME=/root", "BOTH=outer", "PCT=50%", NULL };
static struct names names;
static struct strlist own, global;
static struct buf out, why;

static void init(void)
{
        strlist_add(&own, "OWN=o");
        strlist_add(&own, "BOTH=own");
        strlist_add(&global, "GLOB=g");
        strlist_add(&global, "BOTH=global");
        names =
            (struct names){ .have = NAME_HERE | NAME_HOST | NAME_PROGRAM | NAME_GROUP | NAME_NUMBER,
                            .here = "/etc",
                            .host = "box",
                            .program = "web",
                            .group = "team",
                            .process_num = 7,
                            .numprocs = 12,
                            .environ = outer };
}

static void fini(void)
{
        buf_release(&out);
        buf_release(&why);
        strlist_release(&own);
        strlist_release(&global);
}

TestSuite(expand, .init = init, .fini = fini);

static const char *of(const char *text)
{
        buf_release(&out);
        buf_release(&why);
        cr_assert(expand(text, &names, "program:web.command", &out, &why), "%s", buf_str(&why));
        return buf_str(&out);
}

static const char *twice(const char *text)
{
        buf_release(&out);
        buf_release(&why);
        cr_assert(expand_twice(text, &names, "stdout_logfile", &out, &why), "%s", buf_str(&why));
        return buf_str(&out);
}

/* What stands behind "badly formatted: ". */
static const char *reason(const char *text)
{
        static const char mark[] = "is badly formatted: ";

        buf_release(&out);
        buf_release(&why);
        cr_assert_not(expand(text, &names, "x", &out, &why), "%s", text);
        const char *at = strstr(buf_str(&why), mark);
        cr_assert(at, "%s", buf_str(&why));
        return at + strlen(mark);
}

Test(expand, replaces_names)
{
        cr_assert_str_eq(of("%(program_name)s %(group_name)s %(here)s %(host_node_name)s"),
                         "web team /etc box");
        cr_assert_str_eq(of("%(process_num)d/%(numprocs)d"), "7/12");
        cr_assert_str_eq(of("plain"), "plain");
        cr_assert_str_eq(of(""), "");
}

Test(expand, halves_percent_signs)
{
        cr_assert_str_eq(of("%%H:%%M 100%% %%%%"), "%H:%M 100% %%");
}

Test(expand, looks_up_the_nearest_environment_first)
{
        cr_assert_str_eq(of("%(ENV_BOTH)s %(ENV_HOME)s"), "outer /root");
        names.global_env = &global;
        cr_assert_str_eq(of("%(ENV_BOTH)s %(ENV_GLOB)s"), "global g");
        names.own_env = &own;
        cr_assert_str_eq(of("%(ENV_BOTH)s %(ENV_OWN)s"), "own o");
}

Test(expand, does_not_expand_what_it_put_in)
{
        cr_assert_str_eq(of("%(ENV_PCT)s"), "50%");
}

Test(expand, formats_integers_with_flags_and_a_width)
{
        static const char *const cases[][2] = {
                { "%(process_num)02d", "07" },       { "%(process_num)5d|", "    7|" },
                { "%(process_num)-5d|", "7    |" },  { "%(process_num)+d", "+7" },
                { "%(process_num) d", " 7" },        { "%(process_num)+05d", "+0007" },
                { "%(process_num)-05d|", "7    |" }, { "%(numprocs)x", "c" },
                { "%(numprocs)04x", "000c" },        { "%(process_num)i", "7" },
                { "%(process_num)3s|", "  7|" },     { "%(process_num)-3s|", "7  |" },
                { "%(process_num)1000d", NULL },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                if (cases[i][1])
                        cr_expect_str_eq(of(cases[i][0]), cases[i][1], "%s", cases[i][0]);
                else
                        cr_expect_eq(strlen(of(cases[i][0])), 1000);
        }
        names.process_num = -7;
        cr_expect_str_eq(of("%(process_num)04d"), "-007");
}

Test(expand, pads_text_by_characters)
{
        names.program = "a\xc3\xb1"
                        "b";
        cr_expect_str_eq(of("%(program_name)5s|"), "  a\xc3\xb1"
                                                   "b|");
        cr_expect_str_eq(of("%(program_name)-5s|"), "a\xc3\xb1"
                                                    "b  |");
        cr_expect_str_eq(of("%(program_name)2s|"), "a\xc3\xb1"
                                                   "b|");
}

Test(expand, leaves_a_bare_conversion_of_the_mapping_alone)
{
        cr_expect_str_eq(of("/bin/date +%s %(here)s"), "/bin/date +%s /etc");
}

Test(expand, names_what_is_unknown_and_what_is_there)
{
        names.own_env = &own;
        names.have = NAME_HERE | NAME_NUMBER;
        cr_assert_not(expand("/bin/echo %(no'pe)s", &names, "program:web.command", &out, &why));
        cr_assert_str_eq(buf_str(&why),
                         "Format string for 'program:web.command' contains "
                         "names (\"no'pe\") which cannot be expanded. Available names: ENV_BOTH, "
                         "ENV_HOME, ENV_OWN, ENV_PCT, here, numprocs, process_num");
}

Test(expand, hides_names_that_are_not_for_this_value)
{
        names.have = NAME_HERE;
        cr_assert_not(expand("%(process_num)d", &names, "x", &out, &why));
        cr_assert(strstr(buf_str(&why), "contains names ('process_num')"));
}

Test(expand, says_where_a_format_is_bad_and_what_would_be_right)
{
#define FORM "s, d, i or x has to follow, with flags and a width"
        static const char *const cases[][2] = {
                { "100%", "a single % at character 4 (write %%)" },
                { "+%%H %H", "a single % at character 6 (write %%)" },
                { "\xc3\xa9%\xc3\xa9", "a single % at character 2 (write %%)" },
                { "%d", "a single % at character 1 (write %%)" },
                { "%\x01", "a single % at character 1 (write %%)" },
                { "%*d", "a single % at character 1 (write %%)" },
                { "x %(here", "%( at character 3: the name has no closing parenthesis" },
                { "%(here)", "%(here) at character 1: " FORM },
                { "%(here)5", "%(here) at character 1: " FORM },
                { "%(here)%", "%(here) at character 1: " FORM },
                { "%(here)f", "%(here) at character 1: " FORM },
                { "%(here)r", "%(here) at character 1: " FORM },
                { "%(here).2s", "%(here) at character 1: " FORM },
                { "%(here)*d", "%(here) at character 1: " FORM },
                { "%(process_num)ld", "%(process_num) at character 1: " FORM },
                { "%(here)d", "%(here) at character 1: its value is text: write s behind it" },
                { "a %(here)x", "%(here) at character 3: its value is text: write s behind it" },
                { "%(process_num)1001d",
                  "%(process_num) at character 1: the width is at most 1000" },
                { "%(process_num)99999999999999999999d",
                  "%(process_num) at character 1: the width is at most 1000" },
                { "%(process_num)---------5d", "%(process_num) at character 1: too many flags" },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
                cr_expect_str_eq(reason(cases[i][0]), cases[i][1], "%s: %s", cases[i][0],
                                 buf_str(&why));
}

Test(expand, never_shows_the_value)
{
        static const char *const cases[] = { "hunter2%", "hunter2 %(no)s", "hunter2 %(here)f",
                                             "%(here)d hunter2", "hunter2 %(here" };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                buf_release(&why);
                cr_assert_not(expand(cases[i], &names, "program:web.environment", &out, &why));
                cr_expect_null(strstr(buf_str(&why), "hunter2"), "%s", buf_str(&why));
        }
}

Test(expand, shows_the_word_around_a_single_percent_sign_of_a_command)
{
        cr_assert_not(
            expand("/bin/date --utc +%H -r x", &names, "program:web.command", &out, &why));
        cr_expect(strstr(buf_str(&why), "at character 18 (write %%): '+%H'"), "%s", buf_str(&why));
        cr_expect_null(strstr(buf_str(&why), "--utc"));
}

Test(expand, twice_takes_percent_signs_doubled_once_or_twice)
{
        cr_expect_str_eq(twice("/tmp/%%x.log"), "/tmp/%x.log");
        cr_expect_str_eq(twice("/tmp/%%%%x.log"), "/tmp/%x.log");
        cr_expect_str_eq(twice("/tmp/100%%"), "/tmp/100%");
        cr_expect_str_eq(twice("/tmp/%%(program_name)s"), "/tmp/web");
        cr_expect_str_eq(twice("/tmp/%(program_name)s"), "/tmp/web");
}

Test(expand, twice_refuses_what_once_refuses)
{
        cr_expect_not(expand_twice("%(nope)s", &names, "x", &out, &why));
        cr_expect(strstr(buf_str(&why), "('nope')"));
}

/* ---- quoting */

static const char *repr(const char *text)
{
        buf_release(&out);
        pytext_repr(&out, text, strlen(text), false);
        return buf_str(&out);
}

Test(pytext, quotes_like_repr)
{
        cr_expect_str_eq(repr("a"), "'a'");
        cr_expect_str_eq(repr("it's"), "\"it's\"");
        cr_expect_str_eq(repr("it's \"x\""), "'it\\'s \"x\"'");
        cr_expect_str_eq(repr("\"x\""), "'\"x\"'");
        cr_expect_str_eq(repr("\t\n\r\\\x01\x7f"), "'\\t\\n\\r\\\\\\x01\\x7f'");
        cr_expect_str_eq(repr("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"),
                         "'\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80'");
        cr_expect_str_eq(repr("\xc2\xa0\xe2\x80\x8b\xef\xbb\xbf"), "'\\xa0\\u200b\\ufeff'");
        cr_expect_str_eq(repr("\xff\xc3"), "'\\udcff\\udcc3'");
}
