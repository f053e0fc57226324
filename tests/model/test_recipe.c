#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../fakes/world.h"
#include "model/config/recipe.h"

static struct fake_world host;
static struct program web; /* its text is literal: nothing to free */
static struct recipe made;
static struct err e;

static void init(void)
{
        fake_world_init(&host);
        web = (struct program){ .kind = KIND_PROGRAM,
                                .name = "web",
                                .section = "program:web",
                                .here = "/etc",
                                .command = "/bin/web",
                                .process_name = "%(program_name)s",
                                .numprocs = 4,
                                .out.logfile = "AUTO",
                                .err.logfile = "AUTO" };
        e = (struct err){ 0 };
}

static void fini(void)
{
        recipe_release(&made);
        fake_world_release(&host);
}

TestSuite(recipe, .init = init, .fini = fini);

static bool make(int number)
{
        recipe_release(&made);
        return recipe_make(&web, "team", number, &host.ops, &made, &e);
}

Test(recipe, expands_every_template)
{
        web.command = "%(here)s/run -n %(process_num)02d of %(numprocs)d in %(group_name)s";
        web.process_name = "%(program_name)s_%(process_num)02d";
        web.directory = "/srv/%(host_node_name)s";
        web.out.logfile = "/tmp/%(process_num)d.log";
        cr_assert(make(3), "%s", e.text);
        cr_expect_str_eq(made.command, "/etc/run -n 03 of 4 in team");
        cr_expect_str_eq(made.name, "web_03");
        cr_expect_str_eq(made.directory, "/srv/box");
        cr_expect_str_eq(made.out_logfile, "/tmp/3.log");
        cr_expect_str_eq(made.err_logfile, "AUTO");
}

Test(recipe, leaves_out_what_is_not_there)
{
        web.out.logfile = NULL;
        web.err.logfile = NULL;
        cr_assert(make(0));
        cr_expect_null(made.directory);
        cr_expect_null(made.out_logfile);
        cr_expect_null(made.err_logfile);
        cr_expect_eq(made.env.count, 0);
}

Test(recipe, puts_the_programs_environment_over_the_daemons)
{
        web.global_env = "A=glob,B=glob";
        web.environment = "B=\"prog\",N=\"%(process_num)d\",H=%(ENV_HOME)s,G=%(ENV_A)s";
        cr_assert(make(7), "%s", e.text);
        cr_assert_eq(made.env.count, 5);
        cr_expect_str_eq(made.env.items[0], "A=glob");
        cr_expect_str_eq(made.env.items[1], "B=prog");
        cr_expect_str_eq(made.env.items[2], "N=7");
        cr_expect_str_eq(made.env.items[3], "H=/root");
        cr_expect_str_eq(made.env.items[4], "G=glob");
}

Test(recipe, lets_other_values_name_the_programs_variables)
{
        web.environment = "PORT=80%(process_num)02d";
        web.command = "/bin/web %(ENV_PORT)s";
        web.process_name = "web_%(ENV_PORT)s";
        cr_assert(make(5), "%s", e.text);
        cr_expect_str_eq(made.command, "/bin/web 8005");
        cr_expect_str_eq(made.name, "web_8005");

        char *name = recipe_name(&web, "team", 6, &host.ops, &e);
        cr_expect_str_eq(name, "web_8006");
        free(name);
        char *check = recipe_expand(&web, "team", 7, &host.ops, "healthcheck",
                                    "tcp://127.0.0.1:%(ENV_PORT)s", &e);
        cr_expect_str_eq(check, "tcp://127.0.0.1:8007");
        free(check);
}

Test(recipe, log_words_hold_in_any_case_and_paths_know_home)
{
        web.out.logfile = "none";
        web.err.logfile = "~/%(program_name)s.log";
        cr_assert(make(0), "%s", e.text);
        cr_expect_null(made.out_logfile);
        cr_expect_str_eq(made.err_logfile, "/root/web.log");
        web.out.logfile = "Auto";
        web.err.logfile = "SYSLOG";
        cr_assert(make(0), "%s", e.text);
        cr_expect_str_eq(made.out_logfile, "AUTO");
        cr_expect_str_eq(made.err_logfile, "syslog");
}

Test(recipe, tags_for_syslog_may_name_the_process)
{
        web.out.syslog_tag = "%(group_name)s-%(process_name)s";
        cr_assert(make(3), "%s", e.text);
        char want[64];
        snprintf(want, sizeof want, "team-%s", made.name);
        cr_expect_str_eq(made.out_tag, want);
        cr_expect_null(made.err_tag);
        web.directory = "/%(process_name)s";
        cr_expect_not(make(3), "nothing else may");
        web.directory = NULL;
}

Test(recipe, log_paths_take_percent_signs_doubled_once_or_twice)
{
        web.out.logfile = "/tmp/%%a";
        web.err.logfile = "/tmp/%%%%a";
        cr_assert(make(0), "%s", e.text);
        cr_expect_str_eq(made.out_logfile, "/tmp/%a");
        cr_expect_str_eq(made.err_logfile, "/tmp/%a");
}

Test(recipe, a_name_may_have_whatever_its_expansion_brings)
{
        web.process_name = "%(process_num)3d";
        cr_assert(make(1));
        cr_expect_str_eq(made.name, "  1");
        web.process_name = "%(here)s";
        cr_assert(make(0));
        cr_expect_str_eq(made.name, "/etc");
}

Test(recipe, says_which_value_cannot_be_expanded)
{
        web.command = "/bin/echo %(nope)s";
        cr_assert_not(make(0));
        cr_expect_eq(e.code, ERR_CONFIG);
        cr_expect_str_eq(e.text,
                         "Format string for 'program:web.command' contains "
                         "names ('nope') which cannot be expanded. Available names: ENV_HOME, "
                         "ENV_PATH, group_name, here, host_node_name, numprocs, process_num, "
                         "program_name");
}

Test(recipe, tells_the_key_and_the_whole_text_of_a_fault)
{
        struct recipe_fault fault = { 0 };
        char text[3000];

        memset(text, 'x', sizeof text);
        memcpy(text, "%(", 2);
        strcpy(text + sizeof text - 3, ")s"); /* a name of that length */
        web.environment = text;
        cr_assert_not(recipe_try(&web, "team", 0, &host.ops, &made, &fault));
        cr_expect_str_eq(fault.key, "environment");
        cr_expect_gt(fault.text.len, sizeof text - 5);
        recipe_fault_release(&fault);
}

Test(recipe, collects_what_an_environment_swallows)
{
        struct recipe_fault fault = { 0 };

        web.environment = "A=x y";
        cr_assert(recipe_try(&web, "team", 0, &host.ops, &made, &fault));
        cr_expect_str_eq(buf_str(&fault.dropped), "y");
        recipe_fault_release(&fault);
}

Test(recipe, refuses_a_broken_environment)
{
        web.environment = "A";
        cr_assert_not(make(0));
        cr_expect_str_eq(e.text, "Unexpected end of key/value pairs in value 'A'");
}

/* ---- words */

static struct strlist argv;

static const char *split(const char *text)
{
        static char joined[200];
        struct err why = { 0 };

        strlist_release(&argv);
        joined[0] = '\0';
        if (!command_split(text, &argv, &why))
                return strcpy(joined, why.text);
        for (size_t i = 0; i < argv.count; i++)
                snprintf(joined + strlen(joined), sizeof joined - strlen(joined), "<%s>",
                         argv.items[i]);
        return joined;
}

static void drop_argv(void)
{
        strlist_release(&argv);
}

TestSuite(command_words, .fini = drop_argv);

Test(command_words, are_split_at_blanks_and_newlines)
{
        cr_expect_str_eq(split("a  b\tc\nd"), "<a><b><c><d>");
        cr_expect_str_eq(split("  "), "");
        cr_expect_str_eq(split(""), "");
}

Test(command_words, take_posix_quotes_and_backslashes)
{
        cr_expect_str_eq(split("one \"two words\" 'single $HOME \"q\"' a\\ b \"\" c\"d\"e"),
                         "<one><two words><single $HOME \"q\"><a b><><cde>");
        cr_expect_str_eq(split("\"back\\\\slash \\\"x\\\"\" --opt=\"x y\""),
                         "<back\\slash \"x\"><--opt=x y>");
        cr_expect_str_eq(split("\"a\\b\" 'a\\b' \\\\ a\\'b"), "<a\\b><a\\b><\\><a'b>");
}

Test(command_words, are_no_shell)
{
        cr_expect_str_eq(split("$HOME ~ *.conf && true | x > y; # z"),
                         "<$HOME><~><*.conf><&&><true><|><x><>><y;><#><z>");
}

Test(command_words, have_to_be_closed)
{
        cr_expect_str_eq(split("'a"), "No closing quotation");
        cr_expect_str_eq(split("a \"b"), "No closing quotation");
        cr_expect_str_eq(split("a\\"), "No escaped character");
        cr_expect_str_eq(split("\"a\\"), "No escaped character");
}
