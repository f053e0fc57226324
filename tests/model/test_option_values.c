/* What may be said, how it is shown then, and what is said about the rest. */
#include "sections.h"

TestSuite(option_values, .init = setup, .fini = teardown);

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

Test(option_values, accepts_what_can_be_meant)
{
        fake_world_dir(&host, "/root");
        fake_world_dir(&host, "/dev");
        for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
                const struct section_kind *k = kind_of(good[i].section);
                const struct opt *o = opt_find(k, good[i].key);
                const char *want = good[i].shown;
                union section s = { 0 };
                AUTO_BUF shown = BUF_INIT;
                struct err e = { 0 };
                cr_assert(opt_parse(o, &s, good[i].text, &host.ops, &e), "%s=%s: %s", good[i].key,
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

Test(option_values, says_what_is_wrong_and_keeps_the_old_value)
{
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
                const struct section_kind *k = kind_of(wrong[i].section);
                const struct opt *o = opt_find(k, wrong[i].key);
                union section s = { 0 }, untouched = { 0 };
                struct err e = { 0 };
                cr_expect_not(opt_parse(o, &s, wrong[i].text, &host.ops, &e), "%s=%s accepted",
                              wrong[i].key, wrong[i].text);
                cr_expect_str_eq(e.text, wrong[i].message, "%s=%s: %s", wrong[i].key, wrong[i].text,
                                 e.text);
                cr_expect_eq(e.code, ERR_CONFIG);
                cr_expect_eq(memcmp(&s, &untouched, sizeof s), 0);
                cr_expect_not(opt_check(o, wrong[i].text, &host.ops, NULL));
        }
}

Test(option_values, every_key_with_a_range_refuses_both_sides)
{
        for (const struct section_kind *k = section_kinds; k->prefix; k++)
                for (const struct opt *o = k->opts; o->key; o++) {
                        if (o->type != OPT_INT || (!o->min && !o->max) || !opt_applies(k, o))
                                continue;
                        AUTO_BUF text = BUF_INIT;
                        buf_printf(&text, "%lld", (long long)o->min - 1);
                        cr_expect_not(opt_check(o, buf_str(&text), &host.ops, NULL), "%s", o->key);
                        buf_reset(&text);
                        buf_printf(&text, "%lld", (long long)o->max + 1);
                        cr_expect_not(opt_check(o, buf_str(&text), &host.ops, NULL), "%s", o->key);
                        buf_reset(&text);
                        buf_printf(&text, "%lld", (long long)o->max);
                        cr_expect(opt_check(o, buf_str(&text), &host.ops, NULL), "%s", o->key);
                }
}

/* ---- back again */

Test(option_values, what_is_shown_reads_back_as_the_same)
{
        fake_world_dir(&host, "/root");
        fake_world_dir(&host, "/dev");
        for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
                const struct opt *o = opt_find(kind_of(good[i].section), good[i].key);
                union section a = { 0 }, b = { 0 };
                AUTO_BUF text = BUF_INIT;
                cr_assert(opt_parse(o, &a, good[i].text, &host.ops, NULL));
                opt_format(o, &a, &text);
                cr_expect(opt_parse(o, &b, buf_str(&text), &host.ops, NULL), "%s", buf_str(&text));
                cr_expect(opt_same(o, &a, &b), "%s=%s", good[i].key, buf_str(&text));
                opt_free(o, &a);
                opt_free(o, &b);
        }
}
