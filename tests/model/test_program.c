#include <criterion/criterion.h>

#include "base/unconst.h"
#include "conf_maker.h"
#include "model/config/process_given.h"
#include "model/fleet/plan.h"

static struct fake_world host;

static void setup(void)
{
        fake_world_init(&host);
}

static void teardown(void)
{
        fake_world_release(&host);
}

TestSuite(program, .init = setup, .fini = teardown);

Test(program, lives_until_its_last_reference_is_gone)
{
        struct program *p = PROGRAM(&host.ops, "web", "command=x", "environment=A=1");

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
                struct program p = { .process_name = unconst(names[i].name) };
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

static enum change diff(const struct program *a, const struct program *b, struct strlist *keys)
{
        const struct pairing at = { .group = "x",
                                    .number_a = a->numprocs_start,
                                    .number_b = b->numprocs_start,
                                    .host = &host.ops };

        return program_diff(a, b, &at, keys);
}

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
                AUTO_STRLIST keys = STRLIST_INIT;
                snprintf(text, sizeof text, "%s=%s", d->key, d->value);
                struct program *a = PROGRAM(&host.ops, d->section, "command=x");
                struct program *b = PROGRAM(&host.ops, d->section, "command=x", text);
                cr_expect_eq(diff(a, b, &keys), d->change, "%s", text);
                cr_expect_eq(diff(b, a, NULL), d->change, "%s", text);
                cr_expect_eq(keys.count, d->change != CHANGE_NONE, "%s", text);
                if (keys.count)
                        cr_expect_str_eq(keys.items[0], d->key);
                program_unref(a);
                program_unref(b);
        }
}

static enum change diff_between(const char *was, const char *is)
{
        struct program *a = PROGRAM(&host.ops, "program:x", "command=x", was);
        struct program *b = PROGRAM(&host.ops, "program:x", "command=x", is);
        enum change c = diff(a, b, NULL);

        program_unref(a);
        program_unref(b);
        return c;
}

Test(program, restarts_when_an_output_that_went_nowhere_is_wanted)
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
        struct program *a = PROGRAM(&host.ops, "x", "command=x");
        struct program *b = PROGRAM(&host.ops, "x", "command=y", "startsecs=5", "priority=1");
        AUTO_STRLIST keys = STRLIST_INIT;

        cr_expect_eq(diff(a, b, &keys), CHANGE_RESTART);
        cr_expect_eq(keys.count, 3);
        cr_expect_str_eq(keys.items[0], "command");
        cr_expect_str_eq(keys.items[1], "priority");
        cr_expect_str_eq(keys.items[2], "startsecs");
        program_unref(a);
        program_unref(b);
}

Test(program, differs_when_the_daemons_environment_for_it_did)
{
        struct program *a = PROGRAM(&host.ops, "x", "command=x");
        struct program *b = PROGRAM(&host.ops, "x", "command=x", "environment=B=1");
        AUTO_STRLIST keys = STRLIST_INIT;

        b->global_env = strdup("A=1");
        cr_expect_eq(diff(a, b, &keys), CHANGE_RESTART);
        cr_expect_eq(keys.count, 1);
        cr_expect_str_eq(keys.items[0], "environment");
        program_unref(a);
        program_unref(b);
}

/* `global` is [supervisord] environment; of what was and what is. */
static const struct wording {
        const char *was[4], *is[4];
        const char *global_was, *global_is;
        enum change change;
        const char *key;
} wordings[] = {
        /* the same in other words */
        { { "environment=A=\"1\",B=\"2\"" },
          { "environment=B=\"2\",A=\"1\"" },
          "",
          "",
          CHANGE_NONE,
          "" },
        { { "environment=A=\"1\"" }, { "environment=A='1'" }, "", "", CHANGE_NONE, "" },
        { { "environment=A=1,B=2" }, { "environment=A = 1 ,\n  B = 2," }, "", "", CHANGE_NONE, "" },
        { { "environment=A=0,A=1" }, { "environment=A=1" }, "", "", CHANGE_NONE, "" },
        { { "environment=" }, { NULL }, "", "", CHANGE_NONE, "" },
        { { NULL }, { NULL }, "A=1,B=2", "B='2',A='1'", CHANGE_NONE, "" },
        { { "environment=B=2" }, { NULL }, "A=1", "A=1,B=2", CHANGE_NONE, "" },
        { { "environment=A=9" }, { "environment=A=9" }, "A=1", "A=2", CHANGE_NONE, "" },
        { { "command=run 'a' b" }, { "command=run  a \"b\"" }, "", "", CHANGE_NONE, "" },
        { { "command=run x" }, { "command=run %(program_name)s" }, "", "", CHANGE_NONE, "" },
        { { "command=run 1" }, { "command=run %(ENV_A)s" }, "A=1", "A=1", CHANGE_NONE, "" },
        { { "process_name=x" }, { "process_name=%(program_name)s" }, "", "", CHANGE_NONE, "" },
        { { "directory=/srv/x" }, { "directory=/srv/%(program_name)s" }, "", "", CHANGE_NONE, "" },
        { { "stdout_logfile=/tmp/x" },
          { "stdout_logfile=/tmp/%(program_name)s" },
          "",
          "",
          CHANGE_NONE,
          "" },
        { { "healthcheck=tcp://h:1" },
          { "healthcheck=tcp://h:%(ENV_P)s" },
          "P=1",
          "P=1",
          CHANGE_NONE,
          "" },
        { { "on_fatal=exec:a x" },
          { "on_fatal=exec:a %(program_name)s" },
          "",
          "",
          CHANGE_NONE,
          "" },
        /* other things */
        { { "environment=A=1,B=2" },
          { "environment=A=2,B=1" },
          "",
          "",
          CHANGE_RESTART,
          "environment" },
        { { "environment=A=1" }, { "environment=a=1" }, "", "", CHANGE_RESTART, "environment" },
        { { "environment=A=\"\"" }, { NULL }, "", "", CHANGE_RESTART, "environment" },
        { { NULL }, { NULL }, "A=1", "A=2", CHANGE_RESTART, "environment" },
        { { "command=run a b" }, { "command=run 'a b'" }, "", "", CHANGE_RESTART, "command" },
        { { "command=run '" }, { "command=run \"" }, "", "", CHANGE_RESTART, "command" },
        { { "on_fatal=ignore" }, { "on_fatal=shutdown" }, "", "", CHANGE_LIVE, "on_fatal" },
        /* other things in the same words */
        { { "command=run %(ENV_A)s", "environment=A=1" },
          { "command=run %(ENV_A)s", "environment=A=2" },
          "",
          "",
          CHANGE_RESTART,
          "command,environment" },
        { { "command=run %(numprocs)d", "numprocs=1" },
          { "command=run %(numprocs)d", "numprocs=2" },
          "",
          "",
          CHANGE_RESTART,
          "command,numprocs" },
        { { "command=run %(numprocs)s", "numprocs=1" },
          { "command=run %(numprocs)s", "numprocs=2" },
          "",
          "",
          CHANGE_RESTART,
          "command,numprocs" },
        { { "environment=N=%(numprocs)d", "numprocs=1" },
          { "environment=N=%(numprocs)d", "numprocs=2" },
          "",
          "",
          CHANGE_RESTART,
          "environment,numprocs" },
        { { "directory=/srv/%(numprocs)d", "numprocs=1" },
          { "directory=/srv/%(numprocs)d", "numprocs=2" },
          "",
          "",
          CHANGE_RESTART,
          "directory,numprocs" },
        { { "healthcheck=tcp://h:%(numprocs)d", "numprocs=1" },
          { "healthcheck=tcp://h:%(numprocs)d", "numprocs=2" },
          "",
          "",
          CHANGE_LIVE,
          "healthcheck,numprocs" },
        { { "stdout_logfile=/tmp/%%(numprocs)d", "numprocs=1" },
          { "stdout_logfile=/tmp/%%(numprocs)d", "numprocs=2" },
          "",
          "",
          CHANGE_LIVE,
          "numprocs,stdout_logfile" },
        { { "command=run %%d", "numprocs=1" },
          { "command=run %%d", "numprocs=2" },
          "",
          "",
          CHANGE_LIVE,
          "numprocs" },
        { { "command=run %(process_num)d", "numprocs_start=1" },
          { "command=run %(process_num)d", "numprocs_start=2" },
          "",
          "",
          CHANGE_RESTART,
          "command,numprocs_start" },
};

static struct program *worded(const char *const *keys, const char *global)
{
        bool has_command = keys[0] && strncmp(keys[0], "command", 7) == 0;
        struct program *p = PROGRAM(&host.ops, "x", has_command ? keys[0] : "command=x",
                                    has_command ? keys[1] : keys[0],
                                    has_command ? NULL
                                    : keys[0]   ? keys[1]
                                                : NULL);

        p->global_env = strdup(global);
        return p;
}

static uint64_t fingerprint(const struct program *p)
{
        struct given g;
        struct err e = { 0 };
        uint64_t h;

        cr_assert(given_make(p, "x", p->numprocs_start, &host.ops, &g, &e), "%s", e.text);
        cr_assert(given_fingerprint(p, &g.recipe, &g.argv, &h));
        given_release(&g);
        return h;
}

static const char *joined(struct strlist *keys)
{
        static char text[200];

        text[0] = '\0';
        strlist_sort(keys);
        for (size_t i = 0; i < keys->count; i++)
                snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i ? "," : "",
                         keys->items[i]);
        return text;
}

Test(program, differs_by_what_its_process_would_be_given_and_not_by_words)
{
        for (size_t i = 0; i < sizeof wordings / sizeof *wordings; i++) {
                const struct wording *v = &wordings[i];
                AUTO_STRLIST keys = STRLIST_INIT;
                struct program *a = worded(v->was, v->global_was);
                struct program *b = worded(v->is, v->global_is);
                cr_expect_eq(diff(a, b, &keys), v->change, "row %zu: %s", i, v->is[0]);
                cr_expect_eq(diff(b, a, NULL), v->change, "row %zu, backwards", i);
                cr_expect_str_eq(joined(&keys), v->key, "row %zu: %s", i, joined(&keys));
                cr_expect_eq(fingerprint(a) == fingerprint(b), v->change != CHANGE_RESTART,
                             "row %zu: adopted", i);
                program_unref(a);
                program_unref(b);
        }
}

Test(program, has_another_fingerprint_with_what_only_a_start_makes_true)
{
        for (size_t i = 0; i < sizeof differences / sizeof *differences; i++) {
                const struct difference *d = &differences[i];
                char text[100];
                snprintf(text, sizeof text, "%s=%s", d->key, d->value);
                struct program *a = PROGRAM(&host.ops, d->section, "command=x");
                struct program *b = PROGRAM(&host.ops, d->section, "command=x", text);
                bool name = strcmp(d->key, "process_name") == 0;
                cr_expect_eq(fingerprint(a) != fingerprint(b), d->change == CHANGE_RESTART && !name,
                             "%s", text);
                program_unref(a);
                program_unref(b);
        }
}

Test(program, of_another_kind_is_another_program)
{
        struct program *a = PROGRAM(&host.ops, "program:x", "command=x");
        struct program *b = PROGRAM(&host.ops, "fcgi-program:x", "command=x", "socket=tcp://h:1");
        AUTO_STRLIST keys = STRLIST_INIT;

        cr_expect_eq(diff(a, b, &keys), CHANGE_RESTART);
        cr_expect(strlist_has(&keys, "section"));
        program_unref(a);
        program_unref(b);
}
