#include <criterion/criterion.h>
#include <string.h>

#include "ctl/commands/complete.h"
#include "fake_daemon.h"

static void make_known(struct known *k)
{
        json_t *list = json_loads("[" PROCESS("a", "a", 20, "RUNNING", "") "," PROCESS(
                                      "web", "web_00", 20, "RUNNING",
                                      "") "," PROCESS("web", "web_01", 20, "RUNNING", "") "]",
                                  0, NULL);

        *k = (struct known){ 0 };
        cr_assert_not_null(list);
        cr_assert(known_fill(k, list));
        json_decref(list);
}

static void offers(const char *line, const char *want)
{
        struct known k;
        AUTO_STRLIST out = STRLIST_INIT;
        AUTO_BUF joined = BUF_INIT;
        size_t start;

        make_known(&k);
        cr_assert(complete_line(line, strlen(line), &k, &out, &start));
        for (size_t i = 0; i < out.count; i++)
                buf_printf(&joined, "%s%s", i ? " " : "", out.items[i]);
        cr_expect_str_eq(buf_str(&joined), want, "[%s] offers [%s]", line, buf_str(&joined));
        known_release(&k);
}

Test(complete, offers_commands_first)
{
        offers("sta", "start status");
        offers("  re", "reload remove reread restart");
        offers("zz", "");
}

Test(complete, offers_commands_behind_help)
{
        offers("help st", "start status stop");
}

Test(complete, offers_processes_and_whole_groups)
{
        offers("start ", "a web:* web:web_00 web:web_01");
        offers("start a web:w", "web:web_00 web:web_01");
        offers("tail -f w", "web:* web:web_00 web:web_01");
        offers("stop web:", "web:* web:web_00 web:web_01");
        offers("tail --s", "--since --stdout --stderr");
}

Test(complete, offers_groups_where_groups_are_wanted)
{
        offers("update ", "a web");
        offers("scale w", "web");
        offers("scale web ", "");
}

Test(complete, offers_a_signal_and_then_processes)
{
        offers("signal U", "USR1 USR2");
        offers("signal HUP a", "a");
}

Test(complete, offers_nothing_where_nothing_fits)
{
        offers("version ", "");
        offers("nosuch a", "");
}

Test(complete, asks_the_daemon_only_for_names)
{
        cr_expect_not(complete_wants_names("sta", 3));
        cr_expect_not(complete_wants_names("help ", 5));
        cr_expect_not(complete_wants_names("signal H", 8));
        cr_expect(complete_wants_names("signal HUP ", 11));
        cr_expect(complete_wants_names("start ", 6));
}

Test(complete, finds_what_candidates_have_in_common)
{
        AUTO_STRLIST v = STRLIST_INIT;

        cr_expect_eq(complete_common(&v), 0);
        strlist_add(&v, "web:web_00");
        cr_expect_eq(complete_common(&v), 10);
        strlist_add(&v, "web:web_01");
        cr_expect_eq(complete_common(&v), 9);
        strlist_add(&v, "a");
        cr_expect_eq(complete_common(&v), 0);
}

Test(complete, tells_a_shell_what_each_candidate_means)
{
        struct ctl c = { 0 };
        AUTO_BUF commands = BUF_INIT;
        AUTO_BUF options = BUF_INIT;
        AUTO_BUF all = BUF_INIT;

        cr_assert(complete_command(&c, "avai", &commands));
        cr_expect_str_eq(buf_str(&commands),
                         "avail\tList every configured process, in use or not\n");
        cr_assert(complete_command(&c, "tail --gre", &options));
        cr_expect_eq(strncmp(buf_str(&options), "--grep\t", 7), 0, "%s", buf_str(&options));
        cr_assert(complete_command(&c, "", &all));
        for (const struct cmd *cmd = ctl_cmds; cmd->name; cmd++)
                cr_expect_eq(strstr(buf_str(&all), cmd->name) != NULL,
                             strcmp(cmd->name, "EOF") != 0, "%s", cmd->name);
}
