#include <criterion/criterion.h>
#include <string.h>

#include "ctl/commands/names.h"
#include "fake_daemon.h"

#define PROCESSES                                                                           \
        "[" PROCESS("a", "a", 20, "RUNNING", "") "," PROCESS(                               \
            "web", "web_00", 20, "RUNNING", "") "," PROCESS("web", "web_01", 20, "RUNNING", \
                                                            "") "," PROCESS("work", "w", 0, \
                                                                            "STOPPED", "") "]"

static void expand_to(const char *word, bool groups, const char *want)
{
        json_t *list = json_loads(PROCESSES, 0, NULL);
        AUTO_STRLIST in = STRLIST_INIT;
        AUTO_STRLIST out = STRLIST_INIT;
        AUTO_BUF joined = BUF_INIT;

        cr_assert_not_null(list);
        strlist_add(&in, word);
        cr_assert(names_expand(&in, list, groups, &out));
        for (size_t i = 0; i < out.count; i++)
                buf_printf(&joined, "%s%s", i ? " " : "", out.items[i]);
        cr_expect_str_eq(buf_str(&joined), want, "%s: %s", word, buf_str(&joined));
        json_decref(list);
}

Test(names, split_at_the_first_colon)
{
        static const struct {
                const char *text, *group, *process;
        } rows[] = {
                { "a", "a", "a" },        { "web:web_00", "web", "web_00" },
                { "web:*", "web", NULL }, { "web:", "web", NULL },
                { "a:b:c", "a", "b:c" },  { ":", "", NULL },
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                AUTO_NAMESPEC n;
                cr_assert(namespec_split(rows[i].text, &n));
                cr_expect_str_eq(n.group, rows[i].group);
                if (rows[i].process)
                        cr_expect_str_eq(n.process, rows[i].process);
                else
                        cr_expect_null(n.process);
        }
}

Test(names, of_whole_groups_are_no_globs)
{
        cr_expect_not(name_is_glob("web:*"));
        cr_expect_not(name_is_glob("all"));
        cr_expect_not(name_is_glob("web:web_00"));
        cr_expect(name_is_glob("w*:*"));
        cr_expect(name_is_glob("w*"));
        cr_expect(name_is_glob("web:web_0?"));
        cr_expect(name_is_glob("web:web_[01]"));
}

Test(names, select_processes_as_the_daemon_would)
{
        cr_expect(name_selects("a", "a", "a"));
        cr_expect(name_selects("a:a", "a", "a"));
        cr_expect(name_selects("a:*", "a", "a"));
        cr_expect(name_selects("web:", "web", "w1"));
        cr_expect(name_selects("web:w1", "web", "w1"));
        cr_expect(name_selects("web:w?", "web", "w1"));
        cr_expect_not(name_selects("web", "web", "w1"));
        cr_expect_not(name_selects("we:*", "web", "w1"));
        cr_expect_not(name_selects("web:w", "web", "w1"));
        cr_expect_not(name_selects(":", "web", "w1"));
}

Test(names, with_globs_become_what_they_match_in_the_order_of_status)
{
        expand_to("web:web_0?", false, "web:web_00 web:web_01");
        expand_to("w*", false, "web:web_00 web:web_01 work:w");
        expand_to("*", false, "a web:web_00 web:web_01 work:w");
        expand_to("?", false, "a");
        expand_to("*:w", false, "work:w");
}

Test(names, that_match_nothing_stay_for_the_daemon_to_refuse)
{
        expand_to("zz*", false, "zz*");
        expand_to("nosuch", false, "nosuch");
}

Test(names, of_groups_are_left_to_the_daemon_unless_it_cannot)
{
        expand_to("web:*", false, "web:*");
        expand_to("web:*", true, "web:web_00 web:web_01");
        expand_to("web:", true, "web:web_00 web:web_01");
}

#define ROW(group, name) "{\"group\":\"" group "\",\"process\":\"" name "\"}"

/* What is a name means that name, also when it looks like a pattern. */
Test(names, a_name_wins_against_a_pattern)
{
        static const char text[] =
            "[" ROW("w?", "w?") "," ROW("wx", "wx") "," ROW("app[0]", "a") "," ROW(
                "app[0]", "b") "," ROW("app0", "c") "," ROW("g", "p[0]") "," ROW("g", "p0") "]";
        static const struct {
                const char *word, *with_groups, *without;
        } rows[] = {
                { "w?", "w?", "w?" },
                { "w*", "w? wx", "w? wx" },
                { "app[0]:*", "app[0]:a app[0]:b", "app[0]:*" },
                { "app[0]:", "app[0]:a app[0]:b", "app[0]:" },
                { "app?:*", "app0:c", "app0:c" },
                { "g:p[0]", "g:p[0]", "g:p[0]" },
                { "g:p[01]", "g:p0", "g:p0" },
        };
        json_t *list = json_loads(text, 0, NULL);

        cr_assert_not_null(list);
        for (size_t i = 0; i < 2 * (sizeof rows / sizeof *rows); i++) {
                AUTO_STRLIST in = STRLIST_INIT, out = STRLIST_INIT;
                AUTO_BUF joined = BUF_INIT;
                bool groups = i % 2;
                cr_assert(strlist_add(&in, rows[i / 2].word));
                cr_assert(names_expand(&in, list, groups, &out));
                for (size_t k = 0; k < out.count; k++)
                        buf_printf(&joined, "%s%s", k ? " " : "", out.items[k]);
                cr_expect_str_eq(buf_str(&joined),
                                 groups ? rows[i / 2].with_groups : rows[i / 2].without);
        }
        json_decref(list);
}
