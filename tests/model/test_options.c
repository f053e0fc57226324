/* The tables of options, and what becomes of a value. */
#include "sections.h"

TestSuite(options, .init = setup, .fini = teardown);

/* ---- the tables */

Test(options, every_row_is_whole)
{
        for (const struct section_kind *k = section_kinds; k->prefix; k++) {
                cr_expect(k->help && *k->help);
                for (const struct opt *o = k->opts; o->key; o++) {
                        cr_expect(o->help && strlen(o->help) > 15, "%s has no help", o->key);
                        cr_expect_eq(o->help[strlen(o->help) - 1], '.', "%s: no sentence", o->key);
                        cr_expect(opt_type_words(o->type), "%s: type without words", o->key);
                        cr_expect(o->max == 0 || o->min <= o->max);
                        for (const char *c = o->key; *c; c++)
                                cr_expect_not(*c >= 'A' && *c <= 'Z');
                        cr_expect_eq(o->kinds != 0, k->kind != 0, "%s", o->key);
                        if (k->kind)
                                cr_expect_neq(o->change, CHANGE_NONE, "%s", o->key);
                }
        }
}

Test(options, a_key_has_one_row_in_each_kind)
{
        for (const struct section_kind *k = section_kinds; k->prefix; k++)
                for (const struct opt *o = k->opts; o->key; o++)
                        if (opt_applies(k, o))
                                cr_expect_eq(opt_find(k, o->key), o, "%s twice in %s", o->key,
                                             k->prefix);
}

Test(options, sections_are_found_by_name)
{
        static const struct {
                const char *section, *prefix, *name;
        } known[] = {
                { "supervisord", "supervisord", NULL },
                { "program:web", "program", "web" },
                { "program:a:b", "program", "a:b" },
                { "unix_http_server", "unix_http_server", NULL },
                { "unix_http_server:two", "unix_http_server", "two" },
                { "fcgi-program:x", "fcgi-program", "x" },
                { "group:", "group", "" },
        };
        static const char *const unknown[] = { "program",  "supervisord:x", "Program:x",
                                               "prog:x",   " program:x",    "",
                                               "include:x" };
        const char *name;

        for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
                const struct section_kind *k = section_find(known[i].section, &name);
                cr_assert_not_null(k, "%s", known[i].section);
                cr_expect_str_eq(k->prefix, known[i].prefix);
                if (known[i].name)
                        cr_expect_str_eq(name, known[i].name);
                else
                        cr_expect_null(name);
        }
        for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
                cr_expect_null(section_find(unknown[i], &name), "%s", unknown[i]);
}

Test(options, keys_that_have_not_landed_are_unknown)
{
        static const char *const later[] = { "depends_on", "env_file",        "pre_start",
                                             "memory_max", "update_parallel", "sockets",
                                             "nice" };

        for (size_t i = 0; i < sizeof later / sizeof *later; i++)
                cr_expect_null(opt_find(kind_of("program"), later[i]), "%s", later[i]);
        cr_expect_null(opt_find(kind_of("program"), "events"));
        cr_expect_not_null(opt_find(kind_of("eventlistener"), "events"));
        cr_expect_null(opt_find(kind_of("eventlistener"), "socket"));
}

/* ---- what becomes of a value */

Test(options, splits_a_health_check)
{
        static const struct {
                const char *text, *target;
                enum check_kind kind;
        } checks[] = {
                { "exec: /bin/true -x", "/bin/true -x", CHECK_EXEC },
                { "http://h:80/a?b=c", "h:80/a?b=c", CHECK_HTTP },
                { "http://h:80", "h:80/", CHECK_HTTP },
                { "http://h:80?x", "h:80/?x", CHECK_HTTP },
                { "tcp://[::1]:80", "[::1]:80", CHECK_TCP },
                { "unix:///run/a b", "/run/a b", CHECK_UNIX },
        };
        const struct opt *o = opt_find(kind_of("program"), "healthcheck");

        for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
                struct program p = { 0 };
                cr_assert(opt_parse(o, &p, checks[i].text, &host.ops, NULL), "%s", checks[i].text);
                cr_expect_eq(p.healthcheck.kind, checks[i].kind);
                cr_expect_str_eq(p.healthcheck.target, checks[i].target);
                cr_expect_str_eq(p.healthcheck.text, checks[i].text);
                opt_free(o, &p);
                cr_expect_null(p.healthcheck.text);
        }
}

Test(options, compares_values_and_not_their_spelling)
{
        static const struct {
                const char *section, *key, *a, *b;
                bool same;
        } pairs[] = {
                { "program", "startsecs", "10", " 1_0", true },
                { "program", "startsecs", "10", "11", false },
                { "program", "exitcodes", "0,2", "2, 0", true },
                { "program", "exitcodes", "0,2", "0", false },
                { "program", "stopsignal", "TERM", "15", true },
                { "program", "stdout_logfile_maxbytes", "1MB", "1024kb", true },
                { "program", "restart_delay", "60s", "1m", true },
                { "program", "restart_limit", "5/60s", "5/1m", true },
                { "program", "restart_limit", "5/60s", "off", false },
                { "program", "autostart", "true", "1", true },
                { "program", "command", "a", "a", true },
                { "program", "command", "a", "b", false },
                { "program", "user", "web", "1000", true },
                { "program", "user", "web", "root", false },
                { "program", "on_fatal", "exec:a", "exec:b", false },
                { "program", "healthcheck", "tcp://h:1", "tcp://h:2", false },
                { "program", "serverurl", "AUTO", "auto", true },
                { "program", "serverurl", "AUTO", "http://x", false },
                { "program", "restart_jitter", "0.10", "0.1", true },
                { "program", "killasgroup", "yes", "on", true },
                { "eventlistener", "events", "tick_5,TICK_60", "TICK_5, tick_60", true },
                { "eventlistener", "events", "TICK_5,TICK_60", "TICK_60,TICK_5", false },
                { "unix_http_server", "chown", "root:root", "0:0", true },
                { "unix_http_server", "chown", "root", "root:root", false },
                { "inet_http_server", "port", "*:80", "80", true },
                { "inet_http_server", "port", "a:80", "b:80", false },
        };

        for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
                const struct opt *o = opt_find(kind_of(pairs[i].section), pairs[i].key);
                union section a = { 0 }, b = { 0 };
                cr_assert(opt_parse(o, &a, pairs[i].a, &host.ops, NULL));
                cr_assert(opt_parse(o, &b, pairs[i].b, &host.ops, NULL));
                cr_expect_eq(opt_same(o, &a, &b), pairs[i].same, "%s: %s, %s", pairs[i].key,
                             pairs[i].a, pairs[i].b);
                cr_expect(opt_same(o, &a, &a));
                opt_free(o, &a);
                opt_free(o, &b);
        }
}

Test(options, secrets_are_not_shown)
{
        const struct opt *o = opt_find(kind_of("unix_http_server"), "password");
        struct server_conf s = { 0 };
        AUTO_BUF text = BUF_INIT;

        opt_parse(o, &s, "hunter2", &host.ops, NULL);
        opt_format(o, &s, &text);
        cr_expect_str_eq(buf_str(&text), "...");
        opt_free(o, &s);
}

Test(options, a_changed_value_frees_the_old_one)
{
        const struct section_kind *k = kind_of("eventlistener");
        struct program p = { 0 };

        cr_assert(opts_defaults(k, &p, &host.ops, NULL));
        for (int i = 0; i < 3; i++) {
                opt_parse(opt_find(k, "events"), &p, "TICK_5", &host.ops, NULL);
                opt_parse(opt_find(k, "command"), &p, "x", &host.ops, NULL);
                opt_parse(opt_find(k, "healthcheck"), &p, "tcp://h:1", &host.ops, NULL);
        }
        cr_assert(opts_defaults(k, &p, &host.ops, NULL));
        cr_expect_null(p.command);
        cr_expect_eq(p.events.count, 0);
        opts_free(k, &p);
        opts_free(k, &p);
}

Test(options, sections_without_a_struct_parse_into_a_variable)
{
        struct strlist names = STRLIST_INIT;
        int priority = 0;

        cr_assert(
            opt_parse(opt_find(kind_of("group"), "programs"), &names, "a, b,,c", &host.ops, NULL));
        cr_expect_eq(names.count, 4);
        cr_expect_str_eq(names.items[1], "b");
        cr_expect_str_eq(names.items[2], "");
        cr_assert(
            opt_parse(opt_find(kind_of("group"), "priority"), &priority, "5", &host.ops, NULL));
        cr_expect_eq(priority, 5);
        strlist_release(&names);
}

/* ---- misspelt keys */

Test(options, suggests_the_nearest_key)
{
        static const struct {
                const char *section, *key, *near;
        } typos[] = {
                { "program", "autostrat", "autostart" },
                { "program", "comand", "command" },
                { "program", "numproc", "numprocs" },
                { "program", "stdout_log_file", "stdout_logfile" },
                { "program", "stopsecs", "startsecs" },
                { "program", "start_secs", "startsecs" },
                { "program", "enviroment", "environment" },
                { "program", "xyz", NULL },
                { "program", "", NULL },
                { "program", "colour", NULL },
                { "supervisord", "log_file", "logfile" },
                { "eventlistener", "event", "events" },
                { "group", "program", "programs" },
                { "include", "file", "files" },
                { "program", "a_key_that_is_longer_than_any_key_that_there_is_here", NULL },
        };

        for (size_t i = 0; i < sizeof typos / sizeof *typos; i++) {
                const char *near = opt_nearest(kind_of(typos[i].section), typos[i].key);
                if (typos[i].near)
                        cr_expect_str_eq(near ? near : "", typos[i].near, "%s: %s", typos[i].key,
                                         near ? near : "none");
                else
                        cr_expect_null(near, "%s: %s", typos[i].key, near);
        }
}
