/* What an option is when the configuration does not set it. */
#include "sections.h"

TestSuite(option_defaults, .init = setup, .fini = teardown);

static bool has_struct(const struct section_kind *k)
{
        static const char *const without[] = { "group", "include", "rpcinterface", "ctlplugin" };

        for (size_t i = 0; i < sizeof without / sizeof *without; i++)
                if (strcmp(k->prefix, without[i]) == 0)
                        return false;
        return true;
}

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
        { "unix_http_server", "password", "" },
        { "inet_http_server", "port", "" },
        { "inet_http_server", "username", "" },
        { "inet_http_server", "password", "" },
        { "inet_http_server", "allowed_hosts", "" },
        { "supervisorctl", "serverurl", "http://localhost:9001" },
        { "supervisorctl", "username", "" },
        { "supervisorctl", "password", "" },
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

Test(option_defaults, every_default_is_what_it_should_be)
{
        for (const struct section_kind *k = section_kinds; k->prefix; k++) {
                union section s = { 0 };
                struct err e;
                if (!has_struct(k))
                        continue;
                cr_assert(opts_defaults(k, &s, &host.ops, &e), "%s", e.text);
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

Test(option_defaults, unset_values_say_so_in_the_struct)
{
        struct program p = { 0 };
        struct settings s = { 0 };
        struct err e;

        cr_assert(opts_defaults(kind_of("fcgi-program"), &p, &host.ops, &e));
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
        cr_assert(opts_defaults(kind_of("supervisord"), &s, &host.ops, &e));
        cr_expect_eq(s.umask, -1);
        cr_expect_eq(s.loglevel, LVL_INFO);
        opts_free(kind_of("supervisord"), &s);
}
