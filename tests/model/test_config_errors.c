#include "loaded.h"

TestSuite(config_errors, .init = init, .fini = fini);

Test(config_errors, come_with_the_flag_that_was_wrong)
{
        const struct override over[] = { { "loglevel", "foo", "-e" }, { "user", "nix", "-u" } };

        fake_world_file(&host, MAIN, "junk");
        cr_assert_null(config_load(MAIN, WANT_DAEMON, over, 2, &host.ops, &diags));
        cr_expect_str_eq(first_error(), "invalid value for -e 'foo': bad logging level name 'foo'");
        cr_expect_str_eq(diags.items[1].message, "Invalid user name nix");
        cr_expect_eq(diags.errors, 3);
}

Test(config_errors, of_the_file_itself)
{
        cr_assert_null(config_load("nope.conf", WANT_DAEMON, NULL, 0, &host.ops, &diags));
        cr_expect_str_eq(first_error(), "could not find config file nope.conf");
        diags_release(&diags);
        cr_assert_null(config_load("/tmp", WANT_DAEMON, NULL, 0, &host.ops, &diags));
        cr_expect_str_eq(first_error(), "could not read config file /tmp");
        load_as("[program:x]\n", WANT_DAEMON);
        cr_expect_str_eq(first_error(), ".ini file does not include supervisord section");
        load_as("x=1\n" SUP, WANT_DAEMON);
        cr_expect_str_eq(first_error(), "File contains no section headers.\nfile: '/etc/sd.conf', "
                                        "line: 1\n'x=1\\n'");
}

Test(config_errors, are_all_collected_with_their_places)
{
        cr_expect_str_eq(bad("junk\n[program:a]\ncommand=x\nstartsecs=soon\nuser=nix\n"
                             "[program:b]\ncommand=%(x)s\n"),
                         "Source contains parsing errors: '/etc/sd.conf'\n\t[line  2]: 'junk\\n'");
        cr_assert_eq(diags.errors, 4);
        const struct diag *d = &diags.items[1];
        cr_expect_str_eq(d->message, "invalid literal for int() with base 10: 'soon' in section "
                                     "'program:a' (file: '/etc/sd.conf')");
        cr_expect_str_eq(d->file, MAIN);
        cr_expect_eq(d->line, 5);
        cr_expect_str_eq(d->section, "program:a");
        cr_expect_str_eq(d->key, "startsecs");
        cr_expect_eq(diags.items[2].line, 6);
        cr_expect_eq(diags.items[3].line, 8);
        cr_expect_str_eq(diags.items[3].key, "command");
}

#define IN(section) " in section '" section "' (file: '/etc/sd.conf')"

Test(config_errors, of_programs_have_supervisors_words)
{
        static const char *const cases[][2] = {
                { "autostart=true\n",
                  "program section program:a does not specify a command" IN("program:a") },
                { "command=x\nnumprocs=2\n",
                  "%(process_num) must be present within process_name when numprocs > 1" IN(
                      "program:a") },
                { "command=x\nstopasgroup=true\nkillasgroup=false\n",
                  "Cannot set stopasgroup=true and killasgroup=false" IN("program:a") },
                { "command=x\nenvironment=A\n",
                  "Unexpected end of key/value pairs in value 'A'" IN("program:a") },
                { "command=x\nenvironment=A=\"b\n", "No closing quotation" IN("program:a") },
                { "command=x\nprocess_name=a b\n",
                  "Invalid name: 'a b' because of character: ' '" IN("program:a") },
                { "command=x\nstdout_logfile=/nope/x\n",
                  "The directory named as part of the path /nope/x does not exist" IN(
                      "program:a") },
                { "command=x\nstdout_logfile=/nope/%(process_num)d\n",
                  "The directory named as part of the path /nope/0 does not exist" IN(
                      "program:a") },
                { "command=x\npriority=1.5\n", "invalid literal for int() with base 10: '1.5'" },
                { "command=x\numask=9\n",
                  "9 can not be converted to an octal type" IN("program:a") },
                { "command=+%H\n",
                  "Format string for 'program:a.command' is badly formatted: a single % at "
                  "character 2 (write %%): '+%H'" IN("program:a") },
                { "command=x\nuser=%(process_num)d\n",
                  "Format string for 'program:a.user' contains names "
                  "('process_num') which cannot be expanded. Available names: ENV_HOME, ENV_PATH, "
                  "group_name, here, host_node_name, program_name" IN("program:a") },
                { "command=x\nprocess_name=%(no)s\n",
                  "Format string for 'process_name' contains names ('no') which cannot be "
                  "expanded. Available names: ENV_HOME, ENV_PATH, group_name, here, "
                  "host_node_name, numprocs, process_num, program_name" IN("program:a") },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                char text[300];
                snprintf(text, sizeof text, "[program:a]\n%s", cases[i][0]);
                cr_expect_str_eq(bad(text), cases[i][1], "%s: %s", cases[i][0], first_error());
                cr_expect_eq(diags.errors, 1, "%s", cases[i][0]);
        }
        cr_expect_str_eq(bad("[program:a b]\ncommand=x\n"),
                         "Invalid name: 'a b' because of character: ' '");
}

Test(config_errors, of_later_processes_show_while_loading)
{
        cr_expect_str_eq(bad("[program:a]\ncommand=x\nnumprocs=3\nprocess_name=%(process_num)d\n"
                             "healthcheck=tcp://localhost:%(process_num)d\nnumprocs_start=65534\n"),
                         "expected tcp://HOST:PORT, got 'tcp://localhost:65536'" IN("program:a"));
}

Test(config_errors, of_bounds)
{
        cr_expect(strstr(bad("[program:a]\ncommand=x\nnumprocs_min=3\nnumprocs_max=2\n"),
                         "numprocs_min=3 is more than numprocs_max=2"));
        cr_expect(strstr(bad("[program:a]\ncommand=x\nnumprocs_min=3\n"),
                         "numprocs=1 is less than numprocs_min=3"));
        cr_expect(strstr(bad("[program:a]\ncommand=x\nnumprocs=5\nnumprocs_max=2\n"
                             "process_name=%(process_num)d\n"),
                         "numprocs=5 is more than numprocs_max=2"));
        cr_expect(strstr(bad("[program:a]\ncommand=x\nnumprocs_max=2\n"),
                         "needs %(process_num) in process_name"));
        cr_expect(strstr(bad("[program:a]\ncommand=x\nprocess_name=%(process_num)d\n"
                             "numprocs=2000000000\n"),
                         "is out of range"));
        good("[program:a]\ncommand=x\nnumprocs=2\nnumprocs_min=1\nnumprocs_max=4\n"
             "process_name=%(process_num)d\n");
        cr_expect_eq(diags.count, 0);
}

Test(config_errors, of_health_say_what_would_be_right)
{
        cr_expect(strstr(bad("[program:a]\ncommand=x\nready=healthcheck\n"),
                         "ready=healthcheck needs a healthcheck"));
        cr_expect(strstr(diags_first_error(&diags)->hint, "healthcheck = "));
        cr_expect(strstr(bad("[program:a]\ncommand=x\nstartsecs=10\nstart_timeout=5s\n"),
                         "start_timeout is over before startsecs=10"));
        good("[program:a]\ncommand=x\nhealthcheck_retries=2\n");
        cr_expect(said(DIAG_WARNING, "healthcheck_retries has no effect without a healthcheck"));
}

Test(config_errors, of_commands_that_do_not_fall_into_words)
{
        cr_expect(
            strstr(bad("[program:a]\ncommand=x\nhealthcheck=exec:echo \"open\n"),
                   "can't parse command 'echo \"open': No closing quotation" IN("program:a")));
        const struct diag *d = diags_first_error(&diags);
        cr_expect_str_eq(d->file, MAIN);
        cr_expect_eq(d->line, 4);
        cr_expect_str_eq(d->key, "healthcheck");
        cr_expect(
            strstr(bad("[program:a]\ncommand=x\non_fatal=exec:echo 'x\n"), "No closing quotation"));
        cr_expect_str_eq(diags_first_error(&diags)->key, "on_fatal");
        good("[program:a]\ncommand=x\nhealthcheck=exec:echo \"it's\"\n");
}

Test(config_errors, of_a_timeout_that_nothing_looks_at)
{
        good("[program:a]\ncommand=x\nstart_timeout=5s\n");
        const struct diag *d = said(DIAG_WARNING, "start_timeout has no effect without "
                                                  "ready=healthcheck");
        cr_assert_not_null(d);
        cr_expect_eq(d->line, 4);
        cr_expect_str_eq(d->key, "start_timeout");
        good("[program:a]\ncommand=x\nstart_timeout=5s\nready=healthcheck\n"
             "healthcheck=exec:true\n");
        cr_expect_eq(diags.warnings, 0);
}

Test(config_errors, of_groups)
{
        cr_expect_str_eq(bad("[group:g]\nprograms=zz\n"),
                         "[group:g] names unknown program or fcgi-program zz");
        cr_expect_str_eq(bad("[program:p]\ncommand=x\n[fcgi-program:p]\ncommand=x\n"
                             "socket=tcp://a:1\n[group:g]\nprograms=p\n"),
                         "[group:g] name p is ambiguous (exists as program and fcgi-program)");
        cr_expect_str_eq(bad("[eventlistener:e]\ncommand=x\nevents=TICK_5\n[group:g]\n"
                             "programs=e\n"),
                         "[group:g] names unknown program or fcgi-program e");
        cr_expect_str_eq(bad("[group:g h]\n"), "Invalid name: 'g h' because of character: ' '");
        cr_expect_str_eq(bad("[group:g]\npriority=x\n"),
                         "invalid literal for int() with base 10: 'x'");
}

Test(config_errors, of_listeners_have_supervisors_words)
{
        static const char *const cases[][2] = {
                { "", "[eventlistener:e] section requires an \"events\" line" },
                { "events=tick_5,foo\n", "Unknown event type FOO in [eventlistener:e] events" },
                { "events=TICK_5\nbuffer_size=0\n",
                  "[eventlistener:e] section sets invalid buffer_size (0)" },
                { "events=TICK_5\nredirect_stderr=true\n",
                  "[eventlistener:e] section sets redirect_stderr=true but this is not allowed "
                  "because it will interfere with the eventlistener protocol" },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                char text[200];
                snprintf(text, sizeof text, "[eventlistener:e]\ncommand=x\n%s", cases[i][0]);
                cr_expect_str_eq(bad(text), cases[i][1]);
        }
        good("[eventlistener:e]\ncommand=x\nevents=TICK_5\nresult_handler=a:b\n");
        cr_expect(said(DIAG_WARNING, "result_handler a:b is Python code"));
}

Test(config_errors, of_sockets_have_supervisors_words)
{
        static const char *const cases[][2] = {
                { "", "[fcgi-program:f] section requires a \"socket\" line" },
                { "socket=foo\n", "('Bad socket format %s', 'foo') in [fcgi-program:f] socket" },
                { "socket=tcp://a\n",
                  "('Bad socket format %s', 'tcp://a') in [fcgi-program:f] socket" },
                { "socket=unix://rel\n",
                  "('Unix socket path %s is not an absolute path', 'rel') in "
                  "[fcgi-program:f] socket" },
                { "socket=tcp://a:0\n", "0 is below lower bound (1) in [fcgi-program:f] socket" },
                { "socket=tcp://a:1\nsocket_owner=web\n",
                  "socket_owner and socket_mode params should only be used with a Unix domain "
                  "socket in [fcgi-program:f] socket" },
                { "socket=unix:///s\nsocket_owner=nix\n", "Invalid socket_owner value nix" },
                { "socket=unix:///s\nsocket_mode=9\n", "Invalid socket_mode value 9" },
                { "socket=unix:///s\nsocket_backlog=0\n", "Invalid socket_backlog value 0" },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                char text[200];
                snprintf(text, sizeof text, "[fcgi-program:f]\ncommand=x\n%s", cases[i][0]);
                cr_expect_str_eq(bad(text), cases[i][1]);
        }
}

Test(config_errors, of_servers_have_supervisors_words)
{
        cr_expect_str_eq(bad("[unix_http_server]\n"),
                         "section [unix_http_server] has no file value");
        cr_expect_str_eq(bad("[inet_http_server]\n"),
                         "section [inet_http_server] has no port value");
        cr_expect_str_eq(bad("[inet_http_server:a]\nport=1\npassword=a\n"),
                         "Section [inet_http_server:a] contains incomplete authentication: If a "
                         "username or a password is specified, both the username and password must "
                         "be specified");
        cr_expect_str_eq(bad("[unix_http_server]\nfile=/s\nchmod=9\n"), "Invalid chmod value 9");
        cr_expect_str_eq(bad("[unix_http_server]\nfile=/s\nchown=nix\n"),
                         "Invalid sockchown value nix");
        cr_expect_str_eq(bad("[inet_http_server]\nport=%(here)s\n"),
                         "Format string for 'inet_http_server.port' contains names "
                         "('here') which cannot be expanded. Available names: ENV_HOME, ENV_PATH");
}

Test(config_errors, of_the_client)
{
        cr_assert_null(load_as(SUP, WANT_CTL));
        cr_expect_str_eq(first_error(), ".ini file does not include supervisorctl section");
        cr_assert_null(load_as("[supervisorctl]\npassword=%(here)s\n", WANT_CTL));
        cr_expect_str_eq(first_error(),
                         "Format string for 'supervisorctl.password' contains names "
                         "('here') which cannot be expanded. Available names: ENV_HOME, ENV_PATH");
}

Test(config_errors, name_the_included_file)
{
        fake_world_file(&host, "/etc/a.ini", "[program:a]\ncommand=x\nstartsecs=soon\n");
        fake_world_file(&host, MAIN, SUP "[include]\nfiles=*.ini\n");
        cr_assert_null(again());
        cr_expect_str_eq(first_error(), "invalid literal for int() with base 10: 'soon' in section "
                                        "'program:a' (file: '/etc/a.ini')");
        fake_world_file(&host, "/etc/a.ini", "junk\n");
        cr_assert_null(again());
        cr_expect_str_eq(first_error(), "File contains no section headers.\nfile: '/etc/a.ini', "
                                        "line: 1\n'junk\\n'");
        cr_expect_str_eq(bad("[include]\nx=1\n"),
                         ".ini file has [include] section, but no files setting");
}
