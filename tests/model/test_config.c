#include "loaded.h"

TestSuite(config, .init = init, .fini = fini);

/* ---- [supervisord] */

Test(config, has_supervisors_defaults)
{
        const struct settings *s = &good("")->settings;

        cr_expect_str_eq(s->logfile, "/work/supervisord.log");
        cr_expect_str_eq(s->pidfile, "/work/supervisord.pid");
        cr_expect_str_eq(s->childlogdir, "/tmp");
        cr_expect_str_eq(s->identifier, "supervisor");
        cr_expect_eq(s->logfile_maxbytes, 50 * 1024 * 1024);
        cr_expect_eq(s->logfile_backups, 10);
        cr_expect_eq(s->loglevel, LVL_INFO);
        cr_expect_eq(s->umask, -1);
        cr_expect_eq(s->minfds, 1024);
        cr_expect_eq(s->minprocs, 200);
        cr_expect_not(s->nodaemon || s->silent || s->nocleanup || s->strip_ansi || s->user.set);
        cr_expect_null(s->environment);
        cr_expect_null(s->directory);
        cr_expect_eq(diags.count, 0);
        cr_expect_str_eq(conf->path, MAIN);
        cr_expect_str_eq(conf->here, "/etc");
        cr_expect_not(conf->has_rpcinterface);
}

Test(config, reads_the_daemons_keys)
{
        const struct settings *s =
            &good("logfile=%(here)s/%(ENV_HOME)s.log\nlogfile_maxbytes=1KB\nloglevel=Debug\n"
                  "nodaemon=true\numask=027\nuser=web\nchildlogdir=/tmp\ndirectory=/\n"
                  "environment=A=\"1\",B=%(host_node_name)s\nsighup=restart\n"
                  "shutdown_timeout=90\n")
                 ->settings;

        cr_expect_str_eq(s->logfile, "/etc/root.log");
        cr_expect_eq(s->logfile_maxbytes, 1024);
        cr_expect_eq(s->loglevel, LVL_DEBUG);
        cr_expect(s->nodaemon);
        cr_expect_eq(s->umask, 027);
        cr_expect_eq(s->user.who.uid, 1000);
        cr_expect_str_eq(s->environment, "A=\"1\",B=box");
        cr_assert_eq(s->env.count, 2);
        cr_expect_str_eq(s->env.items[1], "B=box");
        cr_expect_eq(s->sighup, SIGHUP_RESTART);
        cr_expect_eq(s->shutdown_timeout_ms, 90000);
}

Test(config, puts_the_state_beside_the_pidfile)
{
        cr_expect_str_eq(good("pidfile=/tmp/x.pid\n")->settings.statedir, "/tmp/x.state");
        cr_expect_str_eq(good("pidfile=/tmp/x\n")->settings.statedir, "/tmp/x.state");
        cr_expect_str_eq(good("statedir=%(here)s/s\n")->settings.statedir, "/etc/s");
}

Test(config, the_daemons_environment_takes_percent_signs_doubled_once_or_twice)
{
        cr_expect_str_eq(good("environment=A=\"5%%\"\n")->settings.environment, "A=\"5%\"");
        cr_expect_str_eq(good("environment=A=\"5%%%%\"\n")->settings.environment, "A=\"5%\"");
}

Test(config, gives_variables_of_the_daemon_to_programs)
{
        good("environment=PORT=\"80\"\n[program:a]\ncommand=x %(ENV_PORT)s\n"
             "priority=%(ENV_PORT)s\n");
        cr_expect_eq(program("a", 0)->priority, 80);
        cr_expect_str_eq(program("a", 0)->global_env, "PORT=\"80\"");
}

Test(config, warns_of_root_without_a_user)
{
        fake_world_file(&host, MAIN, SUP);
        host.ops.euid = 0;
        cr_assert(again());
        cr_expect(said(DIAG_CRITICAL, "Supervisor is running as root.  Privileges"));
        fake_world_file(&host, MAIN, SUP "user=root\n");
        cr_assert(again());
        cr_expect_eq(diags.count, 0);
}

Test(config, says_out_of_memory_and_nothing_that_follows_from_it)
{
        fake_world_file(&host, MAIN, SUP "[program:a]\ncommand=x\nnumprocs=2\nnonsense=1\n");
        diags.failed = true; /* as if some allocation before had failed */
        conf = config_load(MAIN, WANT_DAEMON, NULL, 0, &host.ops, &diags);
        cr_assert_null(conf);
        cr_assert_eq(diags.count, 1);
        cr_expect_eq(diags.errors, 1);
        cr_expect_str_eq(diags_first_error(&diags)->message,
                         "out of memory: the configuration cannot be read");
}

#define CONTROL "[unix_http_server]\nfile=/run/s.sock\n"

Test(config, lets_no_fastcgi_socket_take_the_control_sockets_place)
{
        static const char *const paths[] = { "/run/s.sock", "//run/s.sock", "/run//./s.sock",
                                             "/run/%(program_name)s.sock" };

        for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
                char text[512];
                snprintf(text, sizeof text,
                         SUP CONTROL "[fcgi-program:s]\ncommand=x\nsocket=unix://%s\n", paths[i]);
                fake_world_file(&host, MAIN, text);
                cr_expect_null(again(), "%s", paths[i]);
                cr_expect(said(DIAG_ERROR, "the socket of [fcgi-program:s] has the path of the "
                                           "control socket in [unix_http_server], /run/s.sock"),
                          "%s", paths[i]);
        }
        good(CONTROL "[fcgi-program:s]\ncommand=x\nsocket=unix:///run/s.sock2\n"
                     "[fcgi-program:t]\ncommand=x\nsocket=unix:///s.sock\n");
}

Test(config, the_command_line_wins)
{
        const struct override over[] = { { "loglevel", "debug", "-e" }, { "user", "web", "-u" } };

        fake_world_file(&host, MAIN, SUP "loglevel=warn\n");
        host.ops.euid = 0;
        conf = config_load(MAIN, WANT_DAEMON, over, 2, &host.ops, &diags);
        cr_assert(conf);
        cr_expect_eq(conf->settings.loglevel, LVL_DEBUG);
        cr_expect_eq(conf->settings.user.who.uid, 1000);
        cr_expect_eq(diags.count, 0);
}

/* ---- programs */

Test(config, has_supervisors_defaults_for_programs)
{
        good("[program:a]\ncommand=/bin/cat\n");
        const struct program *p = program("a", 0);

        cr_expect_str_eq(p->name, "a");
        cr_expect_str_eq(p->section, "program:a");
        cr_expect_str_eq(p->file, MAIN);
        cr_expect_str_eq(p->here, "/etc");
        cr_expect_eq(p->line, 2);
        cr_expect_eq(p->kind, KIND_PROGRAM);
        cr_expect_str_eq(p->process_name, "%(program_name)s");
        cr_expect_eq(p->numprocs, 1);
        cr_expect_eq(p->priority, 999);
        cr_expect_eq(p->stopsignal, 15);
        cr_expect_eq(p->killasgroup, 0);
        cr_expect_eq(p->umask, -1);
        cr_expect_null(p->serverurl);
        cr_expect_str_eq(p->out.logfile, "AUTO");
        cr_expect_eq(p->restart_delay_ms, 1000);
        cr_expect_eq(diags.count, 0);
}

Test(config, keeps_templates_and_expands_the_rest)
{
        good("[program:a]\ncommand=x %(process_num)d\nserverurl=http://%(program_name)s:1\n"
             "stdout_logfile=/tmp/%(process_num)d\nstdout_logfile_backups=%(numprocs)d\n"
             "environment=N=3\nstderr_logfile_backups=%(ENV_N)s\n");
        const struct program *p = program("a", 0);

        cr_expect_str_eq(p->command, "x %(process_num)d");
        cr_expect_str_eq(p->serverurl, "http://a:1");
        cr_expect_str_eq(p->out.logfile, "/tmp/%(process_num)d");
        cr_expect_eq(p->out.backups, 1);
        cr_expect_eq(p->err.backups, 3);
}

Test(config, stopasgroup_implies_killasgroup)
{
        good("[program:a]\ncommand=x\nstopasgroup=true\n[program:b]\ncommand=x\n"
             "killasgroup=true\n");
        cr_expect_eq(program("a", 0)->killasgroup, 1);
        cr_expect_eq(program("b", 0)->killasgroup, 1);
}

Test(config, trims_names)
{
        good("[program: a ]\ncommand=%(program_name)s\n");
        cr_expect_str_eq(program("a", 0)->section, "program: a ");
}

Test(config, looks_at_each_process_s_tag_for_syslog)
{
        good("[program:a]\ncommand=x\nstdout_syslog_tag=%(process_name)s\n");
        cr_expect_str_eq(program("a", 0)->out.syslog_tag, "%(process_name)s");
        cr_expect_str_eq(bad(SUP
                             "[program:a]\ncommand=x\nnumprocs=2\nprocess_name=%(process_num)d\n"
                             "stdout_syslog_tag=a:%(process_name)s\n"),
                         "expected 1 to 48 printable ASCII characters without blanks, ':' and '[', "
                         "got 'a:0' in section 'program:a' (file: '/etc/sd.conf')");
}

Test(config, settles_logs_and_says_so)
{
        good("[program:a]\ncommand=x\nredirect_stderr=true\nstderr_logfile=/tmp/e\n"
             "[program:b]\ncommand=x\nstdout_logfile=syslog\nstderr_logfile_maxbytes=0\n");
        cr_expect_null(program("a", 0)->err.logfile);
        cr_expect(said(DIAG_WARNING, "For [program:a], redirect_stderr=true but stderr_logfile has "
                                     "also been set to a filename, the filename has been ignored"));
        cr_expect_null(program("b", 0)->out.logfile);
        cr_expect(program("b", 0)->out.syslog);
        cr_expect(said(DIAG_WARNING,
                       "For [program:b], stdout_logfile=syslog but this is deprecated and will be "
                       "removed.  Use stdout_syslog=true to enable syslog instead."));
        cr_expect(
            said(DIAG_WARNING,
                 "For [program:b], AUTO logging used for stderr_logfile without rollover, set "
                 "maxbytes > 0 to avoid filling up filesystem unintentionally"));
        cr_expect_eq(diags.warnings, 3);
}

Test(config, default_keys_belong_to_every_section)
{
        good("[DEFAULT]\nautostart=false\npriority=7\n[program:a]\ncommand=x\n"
             "[program:b]\ncommand=x\npriority=8\n");
        cr_expect_not(program("a", 0)->autostart);
        cr_expect_eq(program("a", 0)->priority, 7);
        cr_expect_eq(program("b", 0)->priority, 8);
        cr_expect_eq(diags.count, 0);
}

Test(config, merges_sections_and_keeps_the_last_value)
{
        good("[program:a]\ncommand=x\npriority=1\n[program:b]\ncommand=y\n[program:a]\n"
             "Priority=2\n");
        cr_expect_eq(program("a", 0)->priority, 2);
        cr_expect_eq(program("a", 0)->line, 2);
}

/* ---- oddities */

Test(config, warns_of_unknown_keys_and_sections)
{
        good("idnetifier=x\n[program:a]\ncomand=y\ncommand=x\nevents=TICK_5\nxyzzyplugh=1\n"
             "[progam:b]\n[ program:c]\n[program]\n[whatever:x]\n[program:]\ncommand=x\n"
             "[DEFAULT]\nfoo=1\n");
        cr_expect_str_eq(said(DIAG_WARNING, "unknown key 'idnetifier' in [supervisord]")->hint,
                         "did you mean identifier?");
        const struct diag *d = said(DIAG_WARNING, "unknown key 'comand' in [program:a]");
        cr_expect_str_eq(d->hint, "did you mean command?");
        cr_expect_str_eq(d->key, "comand");
        cr_expect_eq(d->line, 4);
        cr_expect_str_eq(said(DIAG_WARNING, "unknown key 'events'")->hint,
                         "it belongs into [eventlistener:NAME]");
        cr_expect_str_eq(said(DIAG_WARNING, "'xyzzyplugh'")->hint, "it is ignored");
        cr_expect_str_eq(said(DIAG_WARNING, "unknown section [progam:b]")->hint,
                         "did you mean [program:NAME]?");
        cr_expect_str_eq(said(DIAG_WARNING, "unknown section [ program:c]")->hint,
                         "did you mean [program:NAME]?");
        cr_expect_str_eq(said(DIAG_WARNING, "unknown section [program]")->hint,
                         "did you mean [program:NAME]?");
        cr_expect_str_eq(said(DIAG_WARNING, "unknown section [whatever:x]")->hint, "it is ignored");
        cr_expect(said(DIAG_WARNING, "[program:] has no name"));
        cr_expect(said(DIAG_WARNING, "unknown key 'foo' in [DEFAULT]"));
        cr_expect_eq(diags.warnings, 10);
}

Test(config, warns_of_text_that_gets_lost)
{
        good("environment=G=1 2\n[program:a]\ncommand=x \"a ; b\"\nenvironment=A=$X\n"
             "[program:b]\ncommand=it's\n[program:c]\ncommand=\n");
        cr_expect(said(DIAG_WARNING, "a comment cuts command in the middle of a quoted text"));
        cr_expect(said(DIAG_WARNING, "can't parse command 'x \"a': No closing quotation"));
        cr_expect(said(DIAG_WARNING, "text in environment is ignored: X"));
        cr_expect(said(DIAG_WARNING, "text in environment is ignored: 2"));
        cr_expect(said(DIAG_WARNING, "can't parse command \"it's\": No closing quotation"));
        cr_expect(said(DIAG_WARNING, "command is empty"));
        cr_expect_eq(diags.warnings, 6);
}

Test(config, warns_of_numbers_where_all_processes_share_a_value)
{
        good("[program:a]\ncommand=x\nnumprocs=2\nnumprocs_start=3\nprocess_name=%(process_num)d\n"
             "stdout_logfile_backups=%(process_num)d\n");
        cr_expect_eq(program("a", 0)->out.backups, 3);
        cr_expect(said(DIAG_WARNING, "stdout_logfile_backups cannot differ"));
}

/* ---- groups */

Test(config, orders_groups_by_priority_and_name)
{
        good("[program:z]\ncommand=x\n[program:b]\ncommand=x\n[program:a]\ncommand=x\n"
             "priority=5\n[eventlistener:e]\ncommand=x\nevents=tick_5\n[fcgi-program:f]\n"
             "command=x\nsocket=tcp://LocalHost:9\n[group:g]\nprograms=z,f\npriority=1\n"
             "[eventlistener:d]\ncommand=x\nevents=TICK_5\npriority=6\n");
        static const char *const order[] = { "e", "g", "a", "d", "b" };
        cr_assert_eq(conf->group_count, 5);
        for (int i = 0; i < 5; i++) {
                cr_expect_str_eq(conf->groups[i]->name, order[i]);
                cr_expect_eq(config_group(conf, order[i]), conf->groups[i]);
        }
        cr_expect_null(config_group(conf, "z"));
        const struct group_conf *e = config_group(conf, "e"), *g = config_group(conf, "g");
        cr_expect_eq(e->priority, -1);
        cr_expect_eq(e->kind, KIND_LISTENER);
        cr_expect_eq(program("e", 0)->priority, 999);
        cr_expect_str_eq(program("e", 0)->events.items[0], "TICK_5");
        cr_expect_eq(config_group(conf, "d")->priority, 6);
        cr_expect(g->is_explicit);
        cr_assert_eq(g->program_count, 2);
        cr_expect_str_eq(g->programs[0]->name, "z");
        cr_expect_str_eq(g->programs[1]->socket, "tcp://localhost:9");
        cr_expect_eq(g->programs[1]->kind, KIND_FCGI);
}

Test(config, a_program_may_be_in_several_groups)
{
        good("[program:a]\ncommand=x %(group_name)s\nserverurl=%(group_name)s\nodd=1\n"
             "[program:b]\ncommand=x\n[group:g]\nprograms=a,b\n[group:h]\nprograms=b, a\n");
        cr_expect_str_eq(program("g", 0)->serverurl, "g");
        cr_expect_str_eq(program("h", 1)->serverurl, "h");
        cr_expect_eq(program("g", 1), program("h", 0));
        cr_expect_eq(diags.warnings, 1); /* of odd, once */
}

Test(config, empty_groups_are_fine)
{
        good("[group:g]\n[group:h]\nprograms=\n");
        cr_expect_eq(conf->group_count, 2);
        cr_expect_eq(config_group(conf, "h")->program_count, 0);
}

Test(config, the_last_of_two_processes_with_one_name_wins)
{
        good("[program:a]\ncommand=x\nprocess_name=w\n[program:b]\ncommand=y\nprocess_name=w\n"
             "[group:g]\nprograms=a,b,a\n");
        cr_assert_eq(config_group(conf, "g")->program_count, 1);
        cr_expect_str_eq(program("g", 0)->command, "y");
        cr_expect(said(DIAG_WARNING, "several processes of group 'g' are called 'w'"));
        cr_expect(said(DIAG_WARNING, "[group:g] names program a twice"));
}

Test(config, the_first_of_two_groups_with_one_name_stays)
{
        good("[program:a]\ncommand=x\n[eventlistener:a]\ncommand=y\nevents=TICK_5\n"
             "[program:b]\ncommand=x\n[group:b]\n");
        cr_assert_eq(conf->group_count, 2);
        cr_expect_eq(config_group(conf, "a")->kind, KIND_LISTENER);
        cr_expect(config_group(conf, "b")->is_explicit);
        cr_expect(said(DIAG_WARNING, "[program:a] is left out"));
        cr_expect(said(DIAG_WARNING, "[program:b] is left out"));
}

Test(config, counts_references_of_groups)
{
        struct group_conf *g = group_conf_ref(config_group(good("[program:a]\ncommand=x\n"), "a"));

        config_free(conf);
        conf = NULL;
        cr_expect_str_eq(g->programs[0]->command, "x");
        group_conf_unref(g);
        group_conf_unref(NULL);
}

/* ---- listeners and FastCGI */

Test(config, gives_sockets_an_owner)
{
        good("[fcgi-program:a]\ncommand=x\nsocket=unix:///tmp/%(program_name)s\n"
             "[fcgi-program:b]\ncommand=x\nsocket=unix:///s\nuser=root\n"
             "[fcgi-program:c]\ncommand=x\nsocket=unix:///s\nsocket_owner=root:web\n"
             "socket_mode=0660\nsocket_backlog=7\n[fcgi-program:d]\ncommand=x\n"
             "socket=tcp://[::1]:9\n");
        cr_expect_str_eq(program("a", 0)->socket, "unix:///tmp/a");
        cr_expect_eq(program("a", 0)->socket_uid, (uid_t)-1);
        cr_expect_eq(program("a", 0)->socket_mode, -1);
        cr_expect_eq(program("b", 0)->socket_uid, 0);
        cr_expect_eq(program("c", 0)->socket_uid, 0);
        cr_expect_eq(program("c", 0)->socket_gid, 1000);
        cr_expect_eq(program("c", 0)->socket_mode, 0660);
        cr_expect_eq(program("c", 0)->socket_backlog, 7);
        cr_expect_str_eq(program("d", 0)->socket, "tcp://[::1]:9");
}

/* ---- servers, plugins, the client */

Test(config, reads_servers_in_order)
{
        good("[inet_http_server]\nport=:9001\n[unix_http_server:x]\nfile=%(here)s/s.sock\n"
             "chmod=0770\nchown=web\nusername=u\npassword=%(ENV_HOME)s%%\n"
             "[unix_http_server]\nfile=s\n");
        cr_assert_eq(conf->server_count, 3);
        const struct server_conf *s = conf->servers;
        cr_expect_eq(s[0].kind, SERVER_INET);
        cr_expect_str_eq(s[0].port.host, "");
        cr_expect_eq(s[0].port.port, 9001);
        cr_expect_null(s[0].username);
        cr_expect_str_eq(s[1].section, "unix_http_server:x");
        cr_expect_str_eq(s[1].file, "/etc/s.sock");
        cr_expect_eq(s[1].chmod, 0770);
        cr_expect_eq(s[1].chown.uid, 1000);
        cr_expect_str_eq(s[1].password, "/root%");
        cr_expect_eq(s[1].line, 4);
        cr_expect_str_eq(s[1].conf_file, MAIN);
        cr_expect_str_eq(s[2].file, "/work/s");
        cr_expect_eq(s[2].chmod, 0700);
}

#define STOCK "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n"

Test(config, knows_the_stock_rpcinterface_only)
{
        cr_expect(good("[rpcinterface:supervisor]\n" STOCK)->has_rpcinterface);
        cr_expect_eq(diags.count, 0);
        good("[rpcinterface:x]\nsupervisor.rpcinterface_factory = a:b\nmore=1\n"
             "[ctlplugin:y]\nsupervisor.ctl_factory = c:d\n");
        cr_expect_not(conf->has_rpcinterface);
        cr_expect(
            strstr(said(DIAG_WARNING, "rpcinterface factory a:b is Python code")->hint, "x.*"));
        cr_expect(said(DIAG_WARNING, "ctlplugin c:d is Python code"));
        cr_expect_eq(diags.count, 2);
        cr_expect_str_eq(bad("[rpcinterface:supervisor]\n"),
                         "section [rpcinterface:supervisor] does not specify a "
                         "supervisor.rpcinterface_factory");
}

Test(config, the_client_looks_at_its_own_section_only)
{
        cr_assert(load_as("[supervisorctl]\nserverurl=unix://%(here)s/s.sock\nprompt=%(ENV_HOME)s\n"
                          "history_file=~/.hist\nusername=u\nodd=1\n[program:a]\nstartsecs=soon\n"
                          "[include]\nfiles=x\n[what]\n",
                          WANT_CTL),
                  "%s", first_error());
        cr_expect(conf->has_ctl);
        cr_expect_str_eq(conf->ctl.serverurl, "unix:///etc/s.sock");
        cr_expect_str_eq(conf->ctl.prompt, "/root");
        cr_expect_str_eq(conf->ctl.history_file, "/root/.hist");
        cr_expect_str_eq(conf->ctl.username, "u");
        cr_expect_null(conf->ctl.password);
        cr_expect_eq(diags.count, 0);
        cr_expect_eq(host.reads, 1);
}

/* ---- [include] */

Test(config, includes_files_in_order_and_later_ones_win)
{
        fake_world_file(&host, "/etc/conf.d/b.ini",
                        "[program:p]\npriority=2\n[supervisord]\nidentifier=b\n");
        fake_world_file(&host, "/etc/conf.d/a.ini",
                        "[program:p]\npriority=1\ncommand=x\n[program:q]\ncommand=%(here)s\n");
        fake_world_file(&host, "/other/c.conf", "[program:r]\ncommand=%(here)s\n");
        fake_world_file(&host, MAIN,
                        SUP "[program:p]\ncommand=%(here)s\n[include]\n"
                            "files = conf.d/*.ini /other/c.conf\n  none/*.ini\n");
        cr_assert(again(), "%s", first_error());
        cr_expect_eq(program("p", 0)->priority, 2);
        cr_expect_str_eq(program("p", 0)->command, "x");
        cr_expect_str_eq(program("p", 0)->file, MAIN);
        cr_expect_str_eq(program("q", 0)->command, "/etc/conf.d");
        cr_expect_str_eq(program("q", 0)->file, "/etc/conf.d/a.ini");
        cr_expect_str_eq(program("q", 0)->here, "/etc/conf.d");
        cr_expect_str_eq(program("r", 0)->command, "/other");
        cr_expect_str_eq(conf->settings.identifier, "b");
        cr_expect(said(DIAG_INFO, "Included extra file \"/etc/conf.d/a.ini\" during parsing"));
        cr_expect(said(DIAG_WARNING, "No file matches via include \"/etc/none/*.ini\""));
        cr_expect_eq(count_of(DIAG_INFO), 3);
        cr_assert_eq(conf->files.count, 4);
        cr_expect_str_eq(conf->files.items[0], MAIN);
        cr_expect_str_eq(conf->files.items[1], "/etc/conf.d/a.ini");
}

Test(config, expands_the_names_of_included_files)
{
        fake_world_file(&host, "/etc/box/root.ini", "[program:a]\ncommand=x\n");
        fake_world_file(&host, MAIN,
                        SUP "[include]\nfiles=%(here)s/%(host_node_name)s%(ENV_HOME)s.ini\n");
        cr_assert(again(), "%s", first_error());
        cr_expect_eq(conf->group_count, 1);
}

Test(config, an_include_inside_an_included_file_has_no_effect)
{
        fake_world_file(&host, "/etc/a.ini", "[include]\nfiles=b.ini\n");
        fake_world_file(&host, "/etc/b.ini", "[program:b]\ncommand=x\n");
        fake_world_file(&host, MAIN, SUP "[include]\nfiles=a.ini\n");
        cr_assert(again(), "%s", first_error());
        cr_expect_eq(conf->group_count, 0);
        cr_expect(said(DIAG_WARNING, "an [include] in an included file has no effect"));
}

Test(config, goes_on_without_a_file_that_cannot_be_read)
{
        fake_world_file(&host, "/etc/a.ini", "[program:a]\ncommand=x\n");
        fake_world_deny(&host, "/etc/a.ini");
        fake_world_file(&host, MAIN, SUP "[include]\nfiles=*.ini\n");
        cr_assert(again(), "%s", first_error());
        cr_expect(said(DIAG_WARNING, "could not read config file /etc/a.ini"));
}

/* Its programs would count as removed. */
Test(config, refuses_a_reload_by_a_file_that_cannot_be_read)
{
        fake_world_file(&host, "/etc/a.ini", "[program:a]\ncommand=x\n");
        fake_world_deny(&host, "/etc/a.ini");
        fake_world_file(&host, MAIN, SUP "[include]\nfiles=*.ini\n");
        cr_assert(again());
        cr_expect(conf->incomplete);
        cr_expect_null(again_as(WANT_RELOAD));
        cr_expect(strstr(first_error(), "could not read config file /etc/a.ini"));
        cr_expect_eq(diags_first_error(&diags)->line, 3);
}

Test(config, takes_a_reload_by_what_is_not_there)
{
        fake_world_file(&host, MAIN, SUP "[include]\nfiles=*.ini a.ini\n");
        cr_assert(again_as(WANT_RELOAD), "%s", first_error());
        cr_expect_not(conf->incomplete);
        cr_expect(said(DIAG_WARNING, "No file matches via include"));
}

#define NBSP "\xc2\xa0"

Test(config, takes_blanks_beyond_ascii_as_pythons_strip_and_warns)
{
        load(NBSP "[program:a]\ncommand=" NBSP "x\n" NBSP "\nnumprocs" NBSP "=" NBSP "1\n"
                  "exitcodes=0," NBSP "2\n");
        cr_assert_not_null(conf, "%s", first_error());
        cr_expect_str_eq(program("a", 0)->command, "x");
        cr_expect(code_set_has(&program("a", 0)->exitcodes, 2));
        cr_expect(said(DIAG_WARNING, "U+00A0"));
        cr_expect_eq(said(DIAG_WARNING, "U+00A0")->line, 2);
        good("[program:a]\ncommand=x" NBSP "y\n");
        cr_expect(said(DIAG_WARNING, "does not part words"));
        good("[program:a]\ncommand=x y\n");
        cr_expect_null(said(DIAG_WARNING, "U+"));
        cr_expect(
            strstr(bad("[program:a]\ncommand=x\nenvironment=A=1," NBSP "B=2\n"), "in its name"));
        cr_expect_eq(diags_first_error(&diags)->line, 4);
        cr_expect(strstr(bad("environment=A=1," NBSP "B=2\n"), "in its name"));
        cr_expect_str_eq(
            bad("[program:a]\ncommand=x\n[program:b\ncommand=y\n"),
            "Source contains parsing errors: '/etc/sd.conf'\n\t[line  4]: '[program:b\\n' "
            "(a section header without its closing bracket)");
}

Test(config, doubles_a_percent_sign_of_an_included_files_directory)
{
        fake_world_file(&host, "/etc/50%/a.ini", "[program:a]\ncommand=%(here)s\n");
        fake_world_file(&host, MAIN, SUP "[include]\nfiles=50%%/a.ini\n");
        cr_assert(again(), "%s", first_error());
        cr_expect_str_eq(program("a", 0)->command, "/etc/50%%");
}

/* ---- the search */

Test(config, searches_six_places)
{
        char *tried = NULL;

        cr_expect_null(config_search("/usr/bin/supervisord", &host.ops, &tried));
        cr_expect_str_eq(tried,
                         "/usr/etc/supervisord.conf, /usr/supervisord.conf, supervisord.conf, "
                         "etc/supervisord.conf, /etc/supervisord.conf, "
                         "/etc/supervisor/supervisord.conf");
        free(tried);
        fake_world_file(&host, "/etc/supervisor/supervisord.conf", "");
        fake_world_file(&host, "/usr/etc/supervisord.conf", "");
        char *found = config_search("/usr/bin/supervisord", &host.ops, NULL);
        cr_expect_str_eq(found, "/usr/etc/supervisord.conf");
        free(found);
        found = config_search("/bin/supervisord", &host.ops, &tried);
        cr_expect_str_eq(found, "/etc/supervisor/supervisord.conf");
        cr_expect(strncmp(tried, "/etc/supervisord.conf, /supervisord.conf, ", 42) == 0);
        free(found);
        free(tried);
}

/* ---- sizes */

Test(config, loads_many_long_programs, .timeout = 20)
{
        struct buf text = BUF_INIT;
        char value[4001];

        memset(value, 'x', 4000);
        value[4000] = '\0';
        for (int i = 0; i < 1000; i++)
                buf_printf(&text, "[program:p%d]\ncommand=/bin/echo %s\n", i, value);
        good(buf_str(&text));
        buf_release(&text);
        cr_assert_eq(conf->group_count, 1000);
        cr_expect_str_eq(conf->groups[0]->name, "p0");
        cr_expect_str_eq(conf->groups[999]->name, "p999");
        cr_expect_eq(strlen(program("p17", 0)->command), 4010);
}

Test(config, loads_a_large_fleet, .timeout = 20)
{
        good("[program:p]\ncommand=/bin/echo %(process_num)d\nnumprocs=10000\n"
             "process_name=p_%(process_num)05d\nstdout_logfile=/tmp/%(process_num)d\n");
        cr_expect_eq(program("p", 0)->numprocs, 10000);
        cr_expect_lt(host.stats, 10, "one directory is asked for once");
}

Test(config, warns_of_times_and_actions_of_a_check_that_come_to_nothing)
{
#define CHECKED "[program:a]\ncommand=/bin/a\nhealthcheck=tcp://localhost:1\n"
        static const char *const rows[][2] = {
                { "healthcheck_start_interval=5s\n",
                  "healthcheck_start_interval has no effect without a healthcheck_start_period" },
                { "healthcheck_start_interval=5s\nhealthcheck_start_period=5s\n",
                  "healthcheck_start_interval is not shorter than healthcheck_start_period" },
                { "autorestart=false\n", "an unhealthy process is stopped for good: with "
                                         "autorestart=false it is not started again" },
                { "autorestart=false\nhealthcheck_action=kill\n",
                  "an unhealthy process is stopped for good: with autorestart=false it is not "
                  "started again" },
                { "healthcheck_start_interval=5s\nready=healthcheck\n", NULL },
                { "healthcheck_start_interval=4s\nhealthcheck_start_period=5s\n", NULL },
                { "autorestart=false\nhealthcheck_action=none\n", NULL },
                { "autorestart=unexpected\n", NULL },
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                AUTO_BUF text = BUF_INIT;
                buf_printf(&text, CHECKED "%s", rows[i][0]);
                good(buf_str(&text));
                cr_expect_eq(diags.warnings, rows[i][1] ? 1 : 0, "%s", rows[i][0]);
                if (rows[i][1])
                        cr_expect_str_eq(diags.items[diags.count - 1].message, rows[i][1]);
        }
}

Test(config, looks_the_hosts_of_health_checks_up_when_it_is_read)
{
        good("[program:a]\ncommand=/bin/a\nhealthcheck=tcp://db.example:5432\n"
             "[program:b]\ncommand=/bin/b\nhealthcheck=http://no.example:80/%(process_num)d\n"
             "numprocs=3\nprocess_name=b%(process_num)d\n");
        cr_expect_eq(diags.warnings, 1);
        cr_expect_str_eq(diags.items[diags.count - 1].message,
                         "the host 'no.example' cannot be looked up now: there is no such host");
}
