#include <criterion/criterion.h>

#include "conf_maker.h"
#include "model/plan.h"

static struct fake_world world;

static void setup(void)
{
        fake_world_init(&world);
}

static void teardown(void)
{
        fake_world_release(&world);
}

TestSuite(program, .init = setup, .fini = teardown);

Test(program, lives_until_its_last_reference_is_gone)
{
        struct program *p = PROGRAM(&world.ops, "web", "command=x", "environment=A=1");

        cr_expect_eq(program_ref(p), p);
        program_unref(p);
        cr_expect_str_eq(p->command, "x");
        program_unref(p);
        program_unref(NULL);
}

Test(program, frees_one_that_was_never_filled)
{
        program_unref(program_new());
}

Test(program, knows_whether_its_workers_have_numbers)
{
        static const struct {
                const char *name;
                bool numbers;
        } names[] = {
                { "%(program_name)s", false },
                { "%(program_name)s_%(process_num)02d", true },
                { "%(process_num)d", true },
                { "x%%(process_num)d", false },
                { "x%%%(process_num)d", true },
                { "process_num", false },
                { "%", false },
        };

        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
                struct program p = { .process_name = (char *)names[i].name };
                cr_expect_eq(program_numbers_workers(&p), names[i].numbers, "%s", names[i].name);
        }
        struct program none = { 0 };
        cr_expect_not(program_numbers_workers(&none));
}

Test(program, keeps_the_number_of_workers_within_its_bounds)
{
        struct program p = { .process_name = (char *)"%(process_num)d", .numprocs_max = -1 };

        cr_expect_eq(program_replicas(&p, 7), 7);
        cr_expect_eq(program_replicas(&p, 0), 0);
        cr_expect_eq(program_replicas(&p, -1), 0);
        p.numprocs_min = 2;
        p.numprocs_max = 5;
        cr_expect_eq(program_replicas(&p, 7), 5);
        cr_expect_eq(program_replicas(&p, 0), 2);
        p.process_name = (char *)"same";
        cr_expect_eq(program_replicas(&p, 7), 1);
}

Test(program, holds_exit_codes_from_0_to_255)
{
        struct code_set s = { 0 };

        for (int code = -2; code < 300; code += 3)
                code_set_add(&s, code);
        for (int code = -2; code < 300; code++)
                cr_expect_eq(code_set_has(&s, code),
                             code >= 0 && code < 256 && (code + 2) % 3 == 0);
}

/* ---- differences */

static const struct difference {
        const char *section, *key, *value;
        enum change change;
} differences[] = {
        { "program:x", "command", "y", CHANGE_RESTART },
        { "program:x", "environment", "A=1", CHANGE_RESTART },
        { "program:x", "directory", "/tmp", CHANGE_RESTART },
        { "program:x", "user", "web", CHANGE_RESTART },
        { "program:x", "umask", "077", CHANGE_RESTART },
        { "program:x", "redirect_stderr", "true", CHANGE_RESTART },
        { "program:x", "serverurl", "http://h:1", CHANGE_RESTART },
        { "program:x", "process_name", "y", CHANGE_RESTART },
        { "fcgi-program:x", "socket", "tcp://h:1", CHANGE_RESTART },
        { "program:x", "numprocs", "2", CHANGE_LIVE },
        { "program:x", "numprocs_start", "2", CHANGE_LIVE },
        { "program:x", "numprocs_min", "1", CHANGE_LIVE },
        { "program:x", "priority", "1", CHANGE_LIVE },
        { "program:x", "autostart", "false", CHANGE_LIVE },
        { "program:x", "autorestart", "true", CHANGE_LIVE },
        { "program:x", "startsecs", "9", CHANGE_LIVE },
        { "program:x", "exitcodes", "1", CHANGE_LIVE },
        { "program:x", "stopsignal", "INT", CHANGE_LIVE },
        { "program:x", "stopwaitsecs", "1", CHANGE_LIVE },
        { "program:x", "killasgroup", "true", CHANGE_LIVE },
        { "program:x", "stdout_logfile", "/tmp/l", CHANGE_LIVE },
        { "program:x", "stderr_logfile_maxbytes", "1", CHANGE_LIVE },
        { "program:x", "healthcheck", "tcp://h:1", CHANGE_LIVE },
        { "program:x", "restart_limit", "1/1s", CHANGE_LIVE },
        { "program:x", "on_fatal", "shutdown", CHANGE_LIVE },
        { "eventlistener:x", "events", "TICK_5", CHANGE_LIVE },
        { "eventlistener:x", "buffer_size", "1", CHANGE_LIVE },
        { "program:x", "command", "x", CHANGE_NONE },
        { "program:x", "killasgroup", "false", CHANGE_NONE }, /* what it was without saying so */
};

Test(program, differs_as_its_rows_say)
{
        for (size_t i = 0; i < sizeof differences / sizeof *differences; i++) {
                const struct difference *d = &differences[i];
                char text[100];
                AUTO_STRS keys = STRS_INIT;
                snprintf(text, sizeof text, "%s=%s", d->key, d->value);
                struct program *a = PROGRAM(&world.ops, d->section, "command=x");
                struct program *b = PROGRAM(&world.ops, d->section, "command=x", text);
                cr_expect_eq(program_diff(a, b, &keys), d->change, "%s", text);
                cr_expect_eq(program_diff(b, a, NULL), d->change, "%s", text);
                cr_expect_eq(keys.count, d->change != CHANGE_NONE, "%s", text);
                if (keys.count)
                        cr_expect_str_eq(keys.items[0], d->key);
                program_unref(a);
                program_unref(b);
        }
}

static enum change diff_between(const char *was, const char *is)
{
        struct program *a = PROGRAM(&world.ops, "program:x", "command=x", was);
        struct program *b = PROGRAM(&world.ops, "program:x", "command=x", is);
        enum change c = program_diff(a, b, NULL);

        program_unref(a);
        program_unref(b);
        return c;
}

Test(program, starts_anew_when_somebody_wants_what_went_nowhere)
{
        cr_expect_eq(diff_between("stdout_logfile=/tmp/l", "stdout_logfile=NONE"), CHANGE_LIVE);
        cr_expect_eq(diff_between("stdout_logfile=NONE", "stdout_logfile=/tmp/l"), CHANGE_RESTART);
        cr_expect_eq(diff_between("stderr_logfile=NONE", "stderr_logfile=AUTO"), CHANGE_RESTART);
        cr_expect_eq(diff_between("stderr_logfile=NONE", "stderr_logfile=NONE\nstderr_syslog=true"),
                     CHANGE_RESTART);
        cr_expect_eq(diff_between("stdout_logfile=NONE\nstdout_events_enabled=true",
                                  "stdout_logfile=/tmp/l"),
                     CHANGE_LIVE);
}

Test(program, discards_what_neither_file_nor_event_nor_syslog_wants)
{
        struct program p = { .kind = KIND_PROGRAM };

        cr_expect(program_discards(&p, false) && program_discards(&p, true));
        p.err.logfile = (char *)"AUTO";
        cr_expect(!program_discards(&p, true));
        p.redirect_stderr = true;
        cr_expect(program_discards(&p, true), "it goes where stdout goes");
        p.out.capture_maxbytes = 1;
        cr_expect(!program_discards(&p, true) && !program_discards(&p, false));
        p.out.capture_maxbytes = 0;
        p.kind = KIND_LISTENER;
        cr_expect(!program_discards(&p, false), "its protocol is read");
}

Test(program, lists_every_key_that_differs_and_takes_the_worst)
{
        struct program *a = PROGRAM(&world.ops, "x", "command=x");
        struct program *b = PROGRAM(&world.ops, "x", "command=y", "startsecs=5", "priority=1");
        AUTO_STRS keys = STRS_INIT;

        cr_expect_eq(program_diff(a, b, &keys), CHANGE_RESTART);
        cr_expect_eq(keys.count, 3);
        cr_expect_str_eq(keys.items[0], "command");
        cr_expect_str_eq(keys.items[1], "priority");
        cr_expect_str_eq(keys.items[2], "startsecs");
        program_unref(a);
        program_unref(b);
}

Test(program, differs_when_the_daemons_environment_for_it_did)
{
        struct program *a = PROGRAM(&world.ops, "x", "command=x");
        struct program *b = PROGRAM(&world.ops, "x", "command=x", "environment=B=1");
        AUTO_STRS keys = STRS_INIT;

        b->global_env = strdup("A=1");
        cr_expect_eq(program_diff(a, b, &keys), CHANGE_RESTART);
        cr_expect_eq(keys.count, 1);
        cr_expect_str_eq(keys.items[0], "environment");
        program_unref(a);
        program_unref(b);
}

Test(program, of_another_kind_is_another_program)
{
        struct program *a = PROGRAM(&world.ops, "program:x", "command=x");
        struct program *b = PROGRAM(&world.ops, "fcgi-program:x", "command=x", "socket=tcp://h:1");
        AUTO_STRS keys = STRS_INIT;

        cr_expect_eq(program_diff(a, b, &keys), CHANGE_RESTART);
        cr_expect(strs_has(&keys, "section"));
        program_unref(a);
        program_unref(b);
}
