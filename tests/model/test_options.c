#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "../fakes/world.h"
#include "model/config.h"
#include "model/options.h"
#include "model/program.h"

static struct fake_world world;

static void setup(void)
{
        fake_world_init(&world);
        fake_world_dir(&world, "/var/log");
        fake_world_user(&world, "other", 1001, 1001);
}

static void teardown(void)
{
        fake_world_release(&world);
}

TestSuite(options, .init = setup, .fini = teardown);

static const struct section_kind *kind_of(const char *prefix)
{
        for (const struct section_kind *k = section_kinds; k->prefix; k++)
                if (strcmp(k->prefix, prefix) == 0)
                        return k;
        cr_assert_fail("no kind %s", prefix);
        return NULL;
}

/* Room for any section's struct. */
union section {
        struct program program;
        struct settings settings;
        struct server_conf server;
        struct ctl_conf ctl;
};

static bool has_struct(const struct section_kind *k)
{
        static const char *const without[] = { "group", "include", "rpcinterface", "ctlplugin" };

        for (size_t i = 0; i < sizeof without / sizeof *without; i++)
                if (strcmp(k->prefix, without[i]) == 0)
                        return false;
        return true;
}

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

/* ---- defaults */

static const struct dflt {
        const char *section, *key, *text; /* as opt_format shows it */
} defaults[] = {
        { "supervisord", "logfile", "/work/supervisord.log" },
        { "supervisord", "logfile_maxbytes", "50MB" },
        { "supervisord", "logfile_backups", "10" },
        { "supervisord", "loglevel", "info" },
        { "supervisord", "pidfile", "/work/supervisord.pid" },
        { "supervisord", "identifier", "supervisor" },
        { "supervisord", "childlogdir", "" },
        { "supervisord", "nocleanup", "false" },
        { "supervisord", "syslog_socket", "/dev/log" },
        { "supervisord", "strip_ansi", "false" },
        { "supervisord", "nodaemon", "false" },
        { "supervisord", "silent", "false" },
        { "supervisord", "user", "" },
        { "supervisord", "umask", "" },
        { "supervisord", "directory", "" },
        { "supervisord", "environment", "" },
        { "supervisord", "minfds", "1024" },
        { "supervisord", "minprocs", "200" },
        { "supervisord", "sighup", "reload" },
        { "supervisord", "statedir", "" },
        { "supervisord", "shutdown_timeout", "0s" },
        { "unix_http_server", "file", "" },
        { "unix_http_server", "chmod", "0700" },
        { "unix_http_server", "chown", "" },
        { "unix_http_server", "username", "" },
        { "unix_http_server", "password", "..." },
        { "inet_http_server", "port", "" },
        { "inet_http_server", "username", "" },
        { "inet_http_server", "password", "..." },
        { "inet_http_server", "allow_anonymous", "false" },
        { "supervisorctl", "serverurl", "http://localhost:9001" },
        { "supervisorctl", "username", "" },
        { "supervisorctl", "password", "..." },
        { "supervisorctl", "prompt", "supervisor" },
        { "supervisorctl", "history_file", "" },
        { "program", "command", "" },
        { "program", "process_name", "%(program_name)s" },
        { "program", "numprocs", "1" },
        { "program", "numprocs_start", "0" },
        { "program", "numprocs_min", "0" },
        { "program", "numprocs_max", "none" },
        { "program", "priority", "999" },
        { "program", "autostart", "true" },
        { "program", "startsecs", "1" },
        { "program", "startretries", "3" },
        { "program", "autorestart", "unexpected" },
        { "program", "exitcodes", "0" },
        { "program", "stopsignal", "TERM" },
        { "program", "stopwaitsecs", "10" },
        { "program", "stopasgroup", "false" },
        { "program", "killasgroup", "" },
        { "program", "user", "" },
        { "program", "umask", "" },
        { "program", "directory", "" },
        { "program", "environment", "" },
        { "program", "serverurl", "AUTO" },
        { "program", "user_environment", "false" },
        { "program", "redirect_stderr", "false" },
        { "program", "stdout_logfile", "AUTO" },
        { "program", "stdout_logfile_maxbytes", "50MB" },
        { "program", "stdout_logfile_backups", "10" },
        { "program", "stdout_capture_maxbytes", "0" },
        { "program", "stdout_events_enabled", "false" },
        { "program", "stdout_syslog", "false" },
        { "program", "stderr_logfile", "AUTO" },
        { "program", "stderr_logfile_maxbytes", "50MB" },
        { "program", "stderr_logfile_backups", "10" },
        { "program", "stderr_capture_maxbytes", "0" },
        { "program", "stderr_events_enabled", "false" },
        { "program", "stderr_syslog", "false" },
        { "program", "stdout_format", "raw" },
        { "program", "stderr_format", "raw" },
        { "program", "stdout_timestamp", "false" },
        { "program", "stderr_timestamp", "false" },
        { "program", "stdout_rotate", "size" },
        { "program", "stderr_rotate", "size" },
        { "program", "stdout_compress", "none" },
        { "program", "stderr_compress", "none" },
        { "program", "stdout_overflow", "block" },
        { "program", "stderr_overflow", "block" },
        { "program", "stdout_syslog_facility", "user" },
        { "program", "stdout_syslog_level", "info" },
        { "program", "stdout_syslog_format", "rfc3164" },
        { "program", "stdout_syslog_tag", "" },
        { "program", "stderr_syslog_facility", "user" },
        { "program", "stderr_syslog_level", "info" },
        { "program", "stderr_syslog_format", "rfc3164" },
        { "program", "stderr_syslog_tag", "" },
        { "program", "restart_delay", "1s" },
        { "program", "restart_delay_max", "1m" },
        { "program", "restart_delay_factor", "2" },
        { "program", "restart_jitter", "0.1" },
        { "program", "restart_reset", "1m" },
        { "program", "restart_limit", "off" },
        { "program", "container_main", "false" },
        { "program", "on_fatal", "ignore" },
        { "program", "healthcheck", "" },
        { "program", "healthcheck_interval", "10s" },
        { "program", "healthcheck_timeout", "5s" },
        { "program", "healthcheck_retries", "3" },
        { "program", "healthcheck_successes", "1" },
        { "program", "healthcheck_start_period", "0s" },
        { "program", "healthcheck_start_interval", "1s" },
        { "program", "healthcheck_action", "restart" },
        { "program", "ready", "uptime" },
        { "program", "start_timeout", "0s" },
        { "eventlistener", "events", "" },
        { "eventlistener", "buffer_size", "10" },
        { "eventlistener", "result_handler", "" },
        { "eventlistener", "stdout_syslog", "false" },
        { "fcgi-program", "socket", "" },
        { "fcgi-program", "socket_owner", "" },
        { "fcgi-program", "socket_mode", "" },
        { "fcgi-program", "socket_backlog", "none" },
};

static const struct dflt *find_default(const char *section, const char *key)
{
        for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
                if (strcmp(defaults[i].key, key) == 0 && strcmp(defaults[i].section, section) == 0)
                        return &defaults[i];
        return strcmp(section, "program") ? find_default("program", key) : NULL;
}

Test(options, every_default_is_what_it_should_be)
{
        for (const struct section_kind *k = section_kinds; k->prefix; k++) {
                union section s = { 0 };
                struct err e;
                if (!has_struct(k))
                        continue;
                cr_assert(opts_defaults(k, &s, &world.ops, &e), "%s", e.text);
                for (const struct opt *o = k->opts; o->key; o++) {
                        AUTO_BUF text = BUF_INIT;
                        if (!opt_applies(k, o))
                                continue;
                        const struct dflt *d = find_default(k->prefix, o->key);
                        cr_assert_not_null(d, "no expectation for %s", o->key);
                        opt_format(o, &s, &text);
                        cr_expect_str_eq(buf_str(&text), d->text, "%s: %s", o->key, buf_str(&text));
                }
                opts_free(k, &s);
        }
}

Test(options, unset_values_say_so_in_the_struct)
{
        struct program p = { 0 };
        struct settings s = { 0 };
        struct err e;

        cr_assert(opts_defaults(kind_of("fcgi-program"), &p, &world.ops, &e));
        cr_expect_eq(p.killasgroup, -1);
        cr_expect_eq(p.umask, -1);
        cr_expect_eq(p.socket_mode, -1);
        cr_expect_eq(p.socket_backlog, -1);
        cr_expect_eq(p.numprocs_max, -1);
        cr_expect_null(p.serverurl);
        cr_expect_null(p.directory);
        cr_expect_eq(p.autorestart, RESTART_UNEXPECTED);
        cr_expect(code_set_has(&p.exitcodes, 0) && !code_set_has(&p.exitcodes, 1));
        opts_free(kind_of("fcgi-program"), &p);
        cr_assert(opts_defaults(kind_of("supervisord"), &s, &world.ops, &e));
        cr_expect_eq(s.umask, -1);
        cr_expect_eq(s.loglevel, LVL_INFO);
        opts_free(kind_of("supervisord"), &s);
}

/* ---- values that are accepted, as they are shown afterwards */

static const struct value {
        const char *section, *key, *text, *shown;
} good[] = {
        { "program", "startsecs", " 1_000 ", "1000" },
        { "program", "startsecs", "+5", "5" },
        { "program", "startsecs", "-3", "-3" },
        { "program", "priority", "00_7", "7" },
        { "program", "autostart", "YES", "true" },
        { "program", "autostart", "off", "false" },
        { "program", "killasgroup", "On", "true" },
        { "program", "killasgroup", "0", "false" },
        { "program", "stdout_logfile_maxbytes", "1 mb", "1MB" },
        { "program", "stdout_logfile_maxbytes", "5GB", "5GB" },
        { "program", "stdout_logfile_maxbytes", "-1KB", "-1KB" },
        { "program", "stdout_logfile_maxbytes", "1000", "1000" },
        { "program", "umask", "022", "0022" },
        { "program", "umask", "0o22", "0022" },
        { "program", "umask", "0o_7", "0007" },
        { "program", "stopsignal", "sigusr1", "USR1" },
        { "program", "stopsignal", "9", "KILL" },
        { "program", "stopsignal", "1_5", "TERM" },
        { "program", "stopsignal", "0", "0" },
        { "program", "exitcodes", " 2 , 0, 2", "2,0" },
        { "program", "startsecs", "99999999999", "2147483647" },
        { "program", "startretries", "-99999999999999999999", "-2147483648" },
        { "program", "stdout_logfile_maxbytes", "9999999999999GB", "9223372036854775807" },
        { "program", "exitcodes", "", "" },
        { "program", "exitcodes", "255", "255" },
        { "program", "autorestart", "TRUE", "true" },
        { "program", "autorestart", "no", "false" },
        { "program", "autorestart", "Unexpected", "unexpected" },
        { "program", "command", "", "" },
        { "program", "process_name", " x ", "x" },
        { "program", "serverurl", "auto", "AUTO" },
        { "program", "serverurl", "http://x:1", "http://x:1" },
        { "program", "stdout_logfile", "none", "NONE" },
        { "program", "stdout_logfile", "OFF", "NONE" },
        { "program", "stdout_logfile", "auto", "AUTO" },
        { "program", "stdout_logfile", "SysLog", "syslog" },
        { "program", "stdout_logfile", "/var/log/x", "/var/log/x" },
        { "program", "stdout_logfile", "x.log", "x.log" },
        { "program", "stdout_logfile", "/no/%(program_name)s", "/no/%(program_name)s" },
        { "program", "user", "web", "web" },
        { "program", "user", "1000", "web" },
        { "program", "numprocs_max", "NONE", "none" },
        { "program", "numprocs_max", "8", "8" },
        { "program", "restart_delay", "250ms", "250ms" },
        { "program", "restart_delay", "1.5", "1500ms" },
        { "program", "restart_delay", "0", "0s" },
        { "program", "restart_delay_factor", "1.5", "1.5" },
        { "program", "restart_jitter", "0", "0" },
        { "program", "restart_jitter", "1", "1" },
        { "program", "restart_limit", "10/60s", "10/1m" },
        { "program", "restart_limit", "OFF", "off" },
        { "program", "on_fatal", "shutdown", "shutdown" },
        { "program", "on_fatal", "exec: mail root", "exec:mail root" },
        { "program", "healthcheck", "exec:/bin/check %(process_num)d",
          "exec:/bin/check %(process_num)d" },
        { "program", "healthcheck", "http://localhost:80%(process_num)02d/ok",
          "http://localhost:80%(process_num)02d/ok" },
        { "program", "healthcheck", "http://[::1]:8080", "http://[::1]:8080" },
        { "program", "healthcheck", "tcp://127.0.0.1:5432", "tcp://127.0.0.1:5432" },
        { "program", "healthcheck", "unix:///run/x.sock", "unix:///run/x.sock" },
        { "program", "healthcheck_action", "Kill", "kill" },
        { "program", "healthcheck_interval", "1h", "1h" },
        { "program", "ready", "healthcheck", "healthcheck" },
        { "supervisord", "sighup", "restart", "restart" },
        { "supervisord", "shutdown_timeout", "90", "90s" },
        { "supervisord", "loglevel", "BLATHER", "blather" },
        { "supervisord", "logfile", "SYSLOG", "syslog" },
        { "supervisord", "logfile", "/dev/null", NULL },
        { "supervisord", "logfile", "none", "/work/none" },
        { "supervisord", "logfile", "~/x.log", NULL },
        { "supervisord", "pidfile", "/tmp/x.pid", "/tmp/x.pid" },
        { "supervisord", "childlogdir", "/var/log/", "/var/log" },
        { "supervisord", "directory", "~root/../tmp", NULL },
        { "supervisord", "identifier", "", "" },
        { "unix_http_server", "file", "run/../x.sock", "/work/x.sock" },
        { "unix_http_server", "file", "~/x.sock", "/root/x.sock" },
        { "unix_http_server", "file", "~nobody/x.sock", "/work/~nobody/x.sock" },
        { "unix_http_server", "chmod", "770", "0770" },
        { "unix_http_server", "chown", "other", "1001" },
        { "unix_http_server", "chown", "root:other", "0:1001" },
        { "unix_http_server", "chown", "1001:0", "1001:0" },
        { "inet_http_server", "port", "9001", "*:9001" },
        { "inet_http_server", "port", ":9001", "*:9001" },
        { "inet_http_server", "port", "*:9001", "*:9001" },
        { "inet_http_server", "port", "LocalHost:1_0", "localhost:10" },
        { "inet_http_server", "port", "[::1]:80", "[::1]:80" },
        { "supervisorctl", "serverurl", "unix://x.sock", "unix:///work/x.sock" },
        { "supervisorctl", "serverurl", "unix:///a/../x", "unix:///x" },
        { "supervisorctl", "serverurl", "a:b", "a:b" },
        { "eventlistener", "events", "tick_5, process_state", "TICK_5,PROCESS_STATE" },
        { "eventlistener", "events", "", "" },
        { "fcgi-program", "socket_backlog", "65535", "65535" },
        { "fcgi-program", "socket_mode", "0666", "0666" },
};

Test(options, accepts_what_can_be_meant)
{
        fake_world_dir(&world, "/root");
        fake_world_dir(&world, "/dev");
        for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
                const struct section_kind *k = kind_of(good[i].section);
                const struct opt *o = opt_find(k, good[i].key);
                const char *want = good[i].shown;
                union section s = { 0 };
                AUTO_BUF shown = BUF_INIT;
                struct err e = { 0 };
                cr_assert(opt_parse(o, &s, good[i].text, &world.ops, &e), "%s=%s: %s", good[i].key,
                          good[i].text, e.text);
                opt_format(o, &s, &shown);
                if (want)
                        cr_expect_str_eq(buf_str(&shown), want, "%s=%s: %s", good[i].key,
                                         good[i].text, buf_str(&shown));
                opt_free(o, &s);
        }
}

/* ---- values that are wrong, and what is said then */

#define NO_INT "invalid literal for int() with base 10: "
#define FORMS  "exec:COMMAND, http://HOST:PORT/PATH, tcp://HOST:PORT or unix://PATH"

static const struct fault {
        const char *section, *key, *text, *message;
} wrong[] = {
        /* Supervisor's words */
        { "program", "startsecs", "0x1", NO_INT "'0x1'" },
        { "program", "startsecs", "", NO_INT "''" },
        { "program", "startsecs", "1__0", NO_INT "'1__0'" },
        { "program", "startsecs", "_1", NO_INT "'_1'" },
        { "program", "startsecs", "5.0", NO_INT "'5.0'" },
        { "program", "startsecs", "a'b", NO_INT "\"a'b\"" },
        { "program", "startsecs", "a\nb", NO_INT "'a\\nb'" },
        { "program", "startsecs", "-", NO_INT "'-'" },
        { "program", "autostart", "maybe", "not a valid boolean value: 'maybe'" },
        { "program", "autostart", "", "not a valid boolean value: ''" },
        { "program", "killasgroup", " true", "not a valid boolean value: ' true'" },
        { "program", "stdout_logfile_maxbytes", "1.5MB", NO_INT "'1.5'" },
        { "program", "stdout_logfile_maxbytes", "1K", NO_INT "'1k'" },
        { "program", "stdout_logfile_maxbytes", "MB", NO_INT "''" },
        { "program", "stdout_logfile_maxbytes", "1TB", NO_INT "'1tb'" },
        { "program", "umask", "9", "9 can not be converted to an octal type" },
        { "program", "umask", "", " can not be converted to an octal type" },
        { "program", "stopsignal", "foo", "value 'foo' is not a valid signal name" },
        { "program", "stopsignal", "99", "value '99' is not a valid signal number" },
        { "program", "stopsignal", "-1", "value '-1' is not a valid signal number" },
        { "program", "exitcodes", "256", "not a valid list of exit codes: '256'" },
        { "program", "exitcodes", "0,", "not a valid list of exit codes: '0,'" },
        { "program", "exitcodes", "-1", "not a valid list of exit codes: '-1'" },
        { "program", "exitcodes", "a", "not a valid list of exit codes: 'a'" },
        { "program", "autorestart", "x", "invalid 'autorestart' value 'x'" },
        { "program", "process_name", "a b", "Invalid name: 'a b' because of character: ' '" },
        { "program", "process_name",
          "%(program_name)s:", "Invalid name: '%(program_name)s:' because of character: ':'" },
        { "program", "process_name", "a/b", "Invalid name: 'a/b' because of character: '/'" },
        { "program", "process_name", "a/b:c", "Invalid name: 'a/b:c' because of character: ':'" },
        { "program", "stdout_logfile", "/no/x",
          "The directory named as part of the path /no/x does not exist" },
        { "program", "user", "nope", "Invalid user name nope" },
        { "program", "user", "77", "Invalid user id 77" },
        { "program", "user", "", "Invalid user name " },
        { "supervisord", "loglevel", "warning", "bad logging level name 'warning'" },
        { "supervisord", "directory", "/no", "/no is not an existing directory" },
        { "supervisord", "childlogdir", "no", "no is not an existing directory" },
        { "supervisord", "logfile", "x/y",
          "The directory named as part of the path x/y does not exist" },
        { "supervisord", "pidfile", "/no/x",
          "The directory named as part of the path /no/x does not exist" },
        { "supervisord", "minfds", "many", NO_INT "'many'" },
        { "unix_http_server", "chmod", "abc", "Invalid chmod value abc" },
        { "unix_http_server", "chown", "nope", "Invalid sockchown value nope" },
        { "unix_http_server", "chown", "root:", "Invalid sockchown value root:" },
        { "unix_http_server", "chown", "root:root:x", "Invalid sockchown value root:root:x" },
        { "unix_http_server", "chown", ":", "Invalid sockchown value :" },
        { "inet_http_server", "port", "x", "not a valid port number: 'x' " },
        { "inet_http_server", "port", "", "not a valid port number: '' " },
        { "inet_http_server", "port", "0", "not a valid port number: '0' " },
        { "inet_http_server", "port", "70000", "not a valid port number: '70000' " },
        { "inet_http_server", "port", "h:0", "0 is below lower bound (1)" },
        { "inet_http_server", "port", "h:65536", "65536 is above upper bound (65535)" },
        { "inet_http_server", "port", "h:", "no port number specified in ''" },
        { "inet_http_server", "port", "h:x", NO_INT "'x'" },
        { "supervisorctl", "serverurl", "foo", "value 'foo' is not a URL" },
        { "supervisorctl", "serverurl", "http://", "value 'http://' is not a URL" },
        { "supervisorctl", "serverurl", "/x", "value '/x' is not a URL" },
        { "supervisorctl", "serverurl", "1a://b", "value '1a://b' is not a URL" },
        { "eventlistener", "events", "TICK_5,foo", "Unknown event type FOO" },
        { "eventlistener", "events", "TICK_5,", "Unknown event type " },
        { "fcgi-program", "socket_mode", "rw", "Invalid socket_mode value rw" },
        { "fcgi-program", "socket_backlog", "0", "Invalid socket_backlog value 0" },
        { "fcgi-program", "socket_backlog", "65536", "Invalid socket_backlog value 65536" },
        { "fcgi-program", "socket_backlog", "x", "Invalid socket_backlog value x" },
        /* ours */
        { "program", "restart_delay", "soon",
          "expected a duration such as 250ms, 10s or 5m, got 'soon'" },
        { "program", "restart_delay", "-1",
          "expected a duration such as 250ms, 10s or 5m, got '-1'" },
        { "program", "restart_delay", "", "expected a duration such as 250ms, 10s or 5m, got ''" },
        { "program", "healthcheck_interval", "0", "expected a duration from 10ms to 30d, got '0'" },
        { "program", "healthcheck_timeout", "2d", "expected a duration from 1ms to 1d, got '2d'" },
        { "program", "restart_delay_factor", "x", "expected a number such as 2 or 0.25, got 'x'" },
        { "program", "restart_delay_factor", "1e9",
          "expected a number such as 2 or 0.25, got '1e9'" },
        { "program", "restart_delay_factor", "0.5", "expected a number from 1 to 100, got '0.5'" },
        { "program", "restart_jitter", "1.1", "expected a number from 0 to 1, got '1.1'" },
        { "program", "restart_jitter", "-0.1", "expected a number such as 2 or 0.25, got '-0.1'" },
        { "program", "restart_jitter", "10%", "expected a number such as 2 or 0.25, got '10%'" },
        { "program", "restart_limit", "10",
          "expected COUNT/DURATION such as 10/60s, or off, got '10'" },
        { "program", "restart_limit", "0/60s",
          "expected COUNT/DURATION such as 10/60s, or off, got '0/60s'" },
        { "program", "restart_limit", "5/0",
          "expected COUNT/DURATION such as 10/60s, or off, got '5/0'" },
        { "program", "restart_limit", "5/x",
          "expected COUNT/DURATION such as 10/60s, or off, got '5/x'" },
        { "program", "on_fatal", "explode",
          "expected ignore, shutdown or exec:COMMAND, got 'explode'" },
        { "program", "on_fatal",
          "exec: ", "expected ignore, shutdown or exec:COMMAND, got 'exec: '" },
        { "program", "healthcheck", "soon", "expected " FORMS ", got 'soon'" },
        { "program", "healthcheck", "notify", "notify is not available: expected " FORMS },
        { "program", "healthcheck", "https://x:1/", "https is not available: expected " FORMS },
        { "program", "healthcheck", "exec:", "expected exec:COMMAND, got 'exec:'" },
        { "program", "healthcheck", "http://localhost/x",
          "expected http://HOST:PORT/PATH, got 'http://localhost/x'" },
        { "program", "healthcheck", "http://:80/x",
          "expected http://HOST:PORT/PATH, got 'http://:80/x'" },
        { "program", "healthcheck", "http://a b:80/",
          "expected http://HOST:PORT/PATH, got 'http://a b:80/'" },
        { "program", "healthcheck", "http://a:80/x y",
          "expected http://HOST:PORT/PATH, got 'http://a:80/x y'" },
        { "program", "healthcheck", "http://u@h:80/",
          "expected http://HOST:PORT/PATH, got 'http://u@h:80/'" },
        { "program", "healthcheck", "http://h:99999/",
          "expected http://HOST:PORT/PATH, got 'http://h:99999/'" },
        { "program", "healthcheck", "tcp://h", "expected tcp://HOST:PORT, got 'tcp://h'" },
        { "program", "healthcheck", "tcp://h:x", "expected tcp://HOST:PORT, got 'tcp://h:x'" },
        { "program", "healthcheck", "tcp://::1:80",
          "expected tcp://HOST:PORT, got 'tcp://::1:80'" },
        { "program", "healthcheck", "tcp://h:1/x", "expected tcp://HOST:PORT, got 'tcp://h:1/x'" },
        { "program", "healthcheck", "unix://x", "expected unix:///PATH, got 'unix://x'" },
        { "program", "healthcheck_action", "panic", "expected restart, kill or none, got 'panic'" },
        { "program", "healthcheck_retries", "0", "expected a number from 1 to 1000000, got '0'" },
        { "program", "healthcheck_retries", "x", "expected a whole number, got 'x'" },
        { "program", "ready", "x", "expected uptime or healthcheck, got 'x'" },
        { "program", "ready", "notify", "notify is not available: expected uptime or healthcheck" },
        { "program", "ready", "fd:3", "fd:3 is not available: expected uptime or healthcheck" },
        { "program", "numprocs_min", "-1", "expected a number from 0 to 1000000, got '-1'" },
        { "program", "numprocs_max", "0", "expected a number from 1 to 1000000, got '0'" },
        { "program", "numprocs_max", "x", "expected a whole number or none, got 'x'" },
        { "program", "stdout_rotate", "weekly", "expected size, hourly or daily, got 'weekly'" },
        { "program", "stdout_format", "xml", "expected raw, text or json, got 'xml'" },
        { "program", "stdout_compress", "xz", "expected none or gzip, got 'xz'" },
        { "program", "stdout_overflow", "lose", "expected block or drop, got 'lose'" },
        { "program", "stdout_syslog_facility", "local8",
          "expected kern, user, mail, daemon, auth, syslog, lpr, news, uucp, cron, authpriv, ftp "
          "or "
          "local0 to local7, got 'local8'" },
        { "program", "stdout_syslog_level", "warn",
          "expected emerg, alert, crit, err, warning, notice, info or debug, got 'warn'" },
        { "program", "stdout_syslog_format", "5424", "expected rfc3164 or rfc5424, got '5424'" },
        { "program", "stdout_syslog_tag", "a b",
          "expected 1 to 48 printable ASCII characters without blanks, ':' and '[', got 'a b'" },
        { "program", "stderr_syslog_tag", "",
          "expected 1 to 48 printable ASCII characters without blanks, ':' and '[', got ''" },
        { "supervisord", "sighup", "stop", "expected reload or restart, got 'stop'" },
};

Test(options, says_what_is_wrong_and_keeps_the_old_value)
{
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
                const struct section_kind *k = kind_of(wrong[i].section);
                const struct opt *o = opt_find(k, wrong[i].key);
                union section s = { 0 }, untouched = { 0 };
                struct err e = { 0 };
                cr_expect_not(opt_parse(o, &s, wrong[i].text, &world.ops, &e), "%s=%s accepted",
                              wrong[i].key, wrong[i].text);
                cr_expect_str_eq(e.text, wrong[i].message, "%s=%s: %s", wrong[i].key, wrong[i].text,
                                 e.text);
                cr_expect_eq(e.code, ERR_CONFIG);
                cr_expect_eq(memcmp(&s, &untouched, sizeof s), 0);
                cr_expect_not(opt_check(o, wrong[i].text, &world.ops, NULL));
        }
}

Test(options, every_key_with_a_range_refuses_both_sides)
{
        for (const struct section_kind *k = section_kinds; k->prefix; k++)
                for (const struct opt *o = k->opts; o->key; o++) {
                        if (o->type != OPT_INT || (!o->min && !o->max) || !opt_applies(k, o))
                                continue;
                        AUTO_BUF text = BUF_INIT;
                        buf_printf(&text, "%lld", (long long)o->min - 1);
                        cr_expect_not(opt_check(o, buf_str(&text), &world.ops, NULL), "%s", o->key);
                        buf_reset(&text);
                        buf_printf(&text, "%lld", (long long)o->max + 1);
                        cr_expect_not(opt_check(o, buf_str(&text), &world.ops, NULL), "%s", o->key);
                        buf_reset(&text);
                        buf_printf(&text, "%lld", (long long)o->max);
                        cr_expect(opt_check(o, buf_str(&text), &world.ops, NULL), "%s", o->key);
                }
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
                cr_assert(opt_parse(o, &p, checks[i].text, &world.ops, NULL), "%s", checks[i].text);
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
                cr_assert(opt_parse(o, &a, pairs[i].a, &world.ops, NULL));
                cr_assert(opt_parse(o, &b, pairs[i].b, &world.ops, NULL));
                cr_expect_eq(opt_same(o, &a, &b), pairs[i].same, "%s: %s, %s", pairs[i].key,
                             pairs[i].a, pairs[i].b);
                cr_expect(opt_same(o, &a, &a));
                opt_free(o, &a);
                opt_free(o, &b);
        }
}

Test(options, what_is_shown_reads_back_as_the_same)
{
        fake_world_dir(&world, "/root");
        fake_world_dir(&world, "/dev");
        for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
                const struct opt *o = opt_find(kind_of(good[i].section), good[i].key);
                union section a = { 0 }, b = { 0 };
                AUTO_BUF text = BUF_INIT;
                cr_assert(opt_parse(o, &a, good[i].text, &world.ops, NULL));
                opt_format(o, &a, &text);
                cr_expect(opt_parse(o, &b, buf_str(&text), &world.ops, NULL), "%s", buf_str(&text));
                cr_expect(opt_same(o, &a, &b), "%s=%s", good[i].key, buf_str(&text));
                opt_free(o, &a);
                opt_free(o, &b);
        }
}

Test(options, secrets_are_not_shown)
{
        const struct opt *o = opt_find(kind_of("unix_http_server"), "password");
        struct server_conf s = { 0 };
        AUTO_BUF text = BUF_INIT;

        opt_parse(o, &s, "hunter2", &world.ops, NULL);
        opt_format(o, &s, &text);
        cr_expect_str_eq(buf_str(&text), "...");
        opt_free(o, &s);
}

Test(options, a_changed_value_frees_the_old_one)
{
        const struct section_kind *k = kind_of("eventlistener");
        struct program p = { 0 };

        cr_assert(opts_defaults(k, &p, &world.ops, NULL));
        for (int i = 0; i < 3; i++) {
                opt_parse(opt_find(k, "events"), &p, "TICK_5", &world.ops, NULL);
                opt_parse(opt_find(k, "command"), &p, "x", &world.ops, NULL);
                opt_parse(opt_find(k, "healthcheck"), &p, "tcp://h:1", &world.ops, NULL);
        }
        cr_assert(opts_defaults(k, &p, &world.ops, NULL));
        cr_expect_null(p.command);
        cr_expect_eq(p.events.count, 0);
        opts_free(k, &p);
        opts_free(k, &p);
}

Test(options, sections_without_a_struct_parse_into_a_variable)
{
        struct strs names = STRS_INIT;
        int priority = 0;

        cr_assert(
            opt_parse(opt_find(kind_of("group"), "programs"), &names, "a, b,,c", &world.ops, NULL));
        cr_expect_eq(names.count, 4);
        cr_expect_str_eq(names.items[1], "b");
        cr_expect_str_eq(names.items[2], "");
        cr_assert(
            opt_parse(opt_find(kind_of("group"), "priority"), &priority, "5", &world.ops, NULL));
        cr_expect_eq(priority, 5);
        strs_release(&names);
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
