#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "../fakes/world.h"
#include "model/config/check_host.h"
#include "model/config/config.h"
#include "model/config/lookup.h"

#define CONF "/etc/s.conf"
#define HEAD "[supervisord]\nlogfile=/tmp/s.log\npidfile=/tmp/s.pid\n"

static struct fake_world host;
static struct lookups *names;
static struct diags diags;

static void open_names(const char *text)
{
        fake_world_init(&host);
        fake_world_file(&host, CONF, text);
        names = lookups_new(&host.ops);
        cr_assert(names);
}

static void close_names(void)
{
        lookups_free(names);
        diags_release(&diags);
        fake_world_release(&host);
}

TestSuite(lookup, .fini = close_names);

static struct config *load(void)
{
        diags_release(&diags);
        diags = (struct diags){ 0 };
        return config_load(CONF, WANT_DAEMON, NULL, 0, lookups_world(names), &diags);
}

static void forget(struct config *c)
{
        config_free(c);
}

/* "hone uweb " */
static const char *asked(void)
{
        static struct buf text;

        buf_reset(&text);
        lookups_questions(names, &text);
        for (size_t i = 0; i < text.len; i++)
                if (!text.data[i])
                        text.data[i] = ' ';
        return buf_str(&text);
}

/* What the child would say, by the paper host; `silent` is not answered. */
static void answer(const char *silent)
{
        AUTO_BUF questions = BUF_INIT;
        AUTO_BUF answers = BUF_INIT;

        lookups_questions(names, &questions);
        for (size_t at = 0; at < questions.len; at += strlen(questions.data + at) + 1)
                if (strcmp(questions.data + at + 1, silent) != 0)
                        lookup_answer(&host.ops, questions.data + at, &answers);
        cr_assert(lookups_take(names, buf_str(&answers), answers.len));
        lookups_close(names, "no answer");
        cr_assert_eq(lookups_open(names), 0);
}

/* A whole reading; NULL where the file is refused. */
static struct config *read_file(const char *silent)
{
        lookups_begin(names);
        forget(load());
        answer(silent);
        struct config *c = load();
        cr_assert_eq(lookups_open(names), 0);
        lookups_end(names);
        return c;
}

static const char *said(void)
{
        static struct buf text;

        buf_reset(&text);
        for (size_t i = 0; i < diags.count; i++)
                buf_printf(&text, "%d:%s:%s: %s (%s)\n", diags.items[i].line,
                           diags.items[i].section ? diags.items[i].section : "",
                           diags.items[i].key ? diags.items[i].key : "", diags.items[i].message,
                           diags.items[i].hint ? diags.items[i].hint : "");
        return buf_str(&text);
}

Test(lookup, every_name_of_a_file_is_asked_for_once)
{
        open_names(HEAD
                   "user=web\nchildlogdir=~root\n"
                   "[unix_http_server]\nfile=/tmp/s.sock\nchown=web:root\n"
                   "[inet_http_server]\nport=box.example:9001\n"
                   "[program:a]\ncommand=/bin/a\nuser=web\nhealthcheck=tcp://db.example:1\n"
                   "[program:b]\ncommand=/bin/b\nhealthcheck=http://db.example/%(process_num)d\n"
                   "numprocs=3\nprocess_name=b%(process_num)d\nuser=0\n"
                   "[program:c]\ncommand=/bin/c\nhealthcheck=tcp://localhost:1\n"
                   "[program:d]\ncommand=/bin/d\nhealthcheck=tcp://10.0.0.1:1\n"
                   "[fcgi-program:f]\ncommand=/bin/f\nsocket=tcp://fast.example:9\n");
        lookups_begin(names);
        forget(load());
        cr_expect_str_eq(asked(), "uweb uroot hdb.example u0 hfast.example groot hbox.example ");
        forget(load());
        cr_expect_eq(lookups_open(names), 7);
}

Test(lookup, the_second_reading_knows_what_the_first_asked)
{
        open_names(HEAD "[program:a]\ncommand=/bin/a\nuser=web\nhealthcheck=tcp://db.example:1\n");
        struct config *c = read_file("");
        cr_assert(c, "%s", said());
        cr_expect_eq(c->groups[0]->programs[0]->user.who.uid, 1000);
        cr_expect_str_eq(c->groups[0]->programs[0]->user.who.home, "/home/web");
        cr_expect_eq(diags.warnings, 0, "%s", said());
        forget(c);
}

Test(lookup, afterwards_nothing_is_asked_any_more)
{
        AUTO_STRLIST addresses = STRLIST_INIT;
        const struct host *w;
        gid_t *list;
        int count;

        open_names(HEAD "[program:a]\ncommand=/bin/a\nuser=1000\nhealthcheck=tcp://db.example:1\n");
        forget(read_file(""));
        w = lookups_world(names);
        cr_assert(w->groups_of(w, "web", 1000, &list, &count));
        cr_expect_eq(count, 1);
        cr_expect_eq(list[0], 1000);
        free(list);
        cr_expect(w->resolve(w, "db.example", &addresses, NULL));
        cr_expect_str_eq(addresses.items[0], "10.1.2.3");
        cr_expect_not(w->resolve(w, "web.example", &addresses, NULL));
        cr_expect_not(w->groups_of(w, "games", 60, &list, &count));
        cr_expect_eq(lookups_open(names), 0);
}

Test(lookup, a_host_without_an_answer_is_a_warning_at_its_place)
{
        open_names(HEAD "[program:a]\ncommand=/bin/a\nhealthcheck=tcp://db.example:1\n");
        struct config *c = read_file("db.example");
        cr_assert(c);
        cr_expect_str_eq(said(),
                         "6:program:a:healthcheck: the host 'db.example' cannot be looked up now: "
                         "no answer (its checks fail until the configuration is read again)\n");
        forget(c);
}

Test(lookup, a_host_keeps_its_addresses_until_it_has_others)
{
        AUTO_STRLIST addresses = STRLIST_INIT;
        const struct host *w;

        open_names(HEAD "[program:a]\ncommand=/bin/a\nhealthcheck=tcp://db.example:1\n");
        forget(read_file(""));
        struct config *c = read_file("db.example");
        cr_assert(c);
        cr_expect(strstr(said(), "now: no answer (the addresses that it had before are asked)"),
                  "%s", said());
        w = lookups_world(names);
        cr_expect(w->resolve(w, "db.example", &addresses, NULL));
        cr_expect_str_eq(addresses.items[0], "10.1.2.3");
        forget(c);
}

Test(lookup, a_server_whose_host_is_unknown_is_refused_at_its_place)
{
        open_names(HEAD "[inet_http_server]\nport=no.example:9001\nusername=a\npassword=b\n");
        cr_assert_null(read_file(""));
        cr_expect(strstr(said(), "5:inet_http_server:port: Cannot open an HTTP server: "
                                 "socket.error reported -2: [inet_http_server]: look up "
                                 "no.example: there is no such host"),
                  "%s", said());
        cr_assert_null(read_file("no.example"));
        cr_expect(strstr(said(), "reported -3: [inet_http_server]: look up no.example: no answer"),
                  "%s", said());
}

Test(lookup, a_user_has_to_be_known_for_sure)
{
        static const char *const lines[][2] = {
                { "[program:a]\ncommand=/bin/a\nuser=web\n", "6:program:a:user: The user web " },
                { "[unix_http_server]\nfile=/tmp/s\nchown=web\n",
                  "6:unix_http_server:chown: The owner web " },
                { "[program:a]\ncommand=/bin/a\nstdout_logfile=~web/x\n",
                  "6:program:a:stdout_logfile: The home of ~web/x " },
                { "[fcgi-program:a]\ncommand=/bin/a\nsocket=unix:///tmp/x\nsocket_owner=web\n",
                  "7:fcgi-program:a:socket_owner: The socket_owner web " },
        };

        for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
                AUTO_BUF text = BUF_INIT;
                buf_printf(&text, HEAD "%s", lines[i][0]);
                open_names(buf_str(&text));
                fake_world_dir(&host, "/home/web");
                fake_world_dir(&host, "/home/web/x");
                forget(read_file(""));
                cr_expect_null(read_file("web"), "%s", lines[i][0]);
                cr_expect(strstr(said(), lines[i][1]), "%s", said());
                cr_expect(strstr(said(), "cannot be looked up: no answer"), "%s", said());
                if (i + 1 < sizeof lines / sizeof *lines)
                        close_names();
        }
}

Test(lookup, a_plan_asks_for_nothing_and_takes_what_it_does_not_know_as_there)
{
        open_names(HEAD "[program:a]\ncommand=/bin/a\nuser=web\n"
                        "[program:b]\ncommand=/bin/b\nuser=nobody-knows\nstdout_logfile=~games/x\n"
                        "healthcheck=tcp://web.example:1\n");
        lookups_begin(names);
        int before = lookups_assume(names);
        struct config *c = load();
        lookups_resume(names, before);
        cr_assert(c, "%s", said());
        cr_expect_eq(diags.count, 0, "%s", said());
        cr_expect_eq(lookups_open(names), 0);
        cr_expect_neq(c->groups[0]->programs[0]->user.who.uid, 1000);
        forget(c);
}

Test(lookup, known_names_are_handed_over_to_the_next_image)
{
        AUTO_BUF text = BUF_INIT;

        open_names(HEAD "user=web\n[program:a]\ncommand=/bin/a\nhealthcheck=tcp://db.example:1\n"
                        "[program:b]\ncommand=/bin/b\nhealthcheck=tcp://mute.example:1\n");
        forget(read_file("mute.example"));
        lookups_put(names, &text);
        lookups_free(names);
        names = lookups_new(&host.ops);
        lookups_begin(names);
        cr_assert(lookups_take(names, buf_str(&text), text.len));
        struct config *c = load();
        cr_assert(c, "%s", said());
        cr_expect_eq(lookups_open(names), 0);
        cr_expect_eq(c->settings.user.who.uid, 1000);
        cr_expect_eq(diags.warnings, 1, "%s", said());
        forget(c);
}

Test(lookup, answers_that_were_cut_or_are_nonsense_are_none)
{
        static const char nonsense[][12] = { "=", "x\0y\0", "=hdb\0aX", ".\0.\0", "=\0\0\0" };
        AUTO_BUF answers = BUF_INIT;

        open_names(HEAD "user=web\n");
        lookups_begin(names);
        forget(load());
        for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++)
                lookups_take(names, nonsense[i], sizeof nonsense[i]);
        lookup_answer(&host.ops, "uweb", &answers);
        for (size_t len = 0; len < answers.len; len++) {
                lookups_take(names, answers.data, len);
                cr_expect_eq(lookups_open(names), 1);
        }
        lookups_take(names, answers.data, answers.len);
        cr_expect_eq(lookups_open(names), 0);
}

Test(lookup, addresses_and_localhost_are_no_names)
{
        static const char *const none[] = { "",         "localhost", "LocalHost",
                                            "10.0.0.1", "::1",       "fe80::1%lo" };

        open_names(HEAD);
        for (size_t i = 0; i < sizeof none / sizeof *none; i++)
                cr_expect_not(host_is_name(none[i]), "%s", none[i]);
        cr_expect(host_is_name("db"));
        cr_expect(host_is_name("localhost.example"));
}

/* It may be a pipe at the start, and only then; a file beside it is one. */
Test(lookup, the_main_file_is_read_once_at_the_start)
{
        open_names(HEAD "user=web\n");
        config_free(read_file(""));
        cr_expect_eq(host.reads, 1);
        cr_expect_eq(host.kind, FILE_AWAITED);
        config_free(read_file(""));
        cr_expect_eq(host.reads, 2, "anew, in the next reading");
        lookups_begin(names);
        config_free(config_load(CONF, WANT_RELOAD, NULL, 0, lookups_world(names), &diags));
        config_free(config_load(CONF, WANT_RELOAD, NULL, 0, lookups_world(names), &diags));
        cr_expect_eq(host.reads, 4);
        cr_expect_eq(host.kind, FILE_ORDINARY);
        lookups_end(names);
        fake_world_file(&host, "/etc/more.ini", "[program:a]\ncommand=/bin/a\n");
        fake_world_file(&host, CONF, HEAD "[include]\nfiles=/etc/more.ini\n");
        config_free(read_file(""));
        cr_expect_eq(host.kind, FILE_ORDINARY, "the included one came last");
}

#define LOGGING HEAD "[program:a]\ncommand=/bin/a\nstdout_logfile=/srv/logs/a\n"

Test(lookup, a_directory_that_a_disk_has_to_be_asked_for_is_a_question)
{
        open_names(LOGGING);
        fake_world_dir(&host, "/srv/logs");
        host.dirs_are_slow = true;
        int before = host.stats;
        lookups_begin(names);
        forget(load());
        cr_expect(strstr(asked(), "p/srv/logs "), "%s", asked());
        cr_expect_eq(host.stats, before, "no disk is asked by who reads the file");
        answer("");
        forget(load());
        cr_expect_eq(lookups_open(names), 0);
        cr_expect_eq(diags.errors, 0, "%s", said());
        lookups_end(names);
        host.dirs_are_slow = false;
        lookups_begin(names);
        forget(load());
        cr_expect_str_eq(asked(), "", "what the kernel knows is not asked for");
        lookups_end(names);
}

Test(lookup, a_directory_that_is_not_there_is_an_error_and_a_silent_one_is_not)
{
        open_names(LOGGING);
        host.dirs_are_slow = true;
        cr_expect_null(read_file(""));
        cr_expect(
            strstr(said(), "The directory named as part of the path /srv/logs/a does not exist"),
            "%s", said());
        struct config *c = read_file("/srv/logs");
        cr_expect(c, "%s", said());
        config_free(c);
        int before = lookups_assume(names); /* a plan goes by what is known */
        config_free(load());
        cr_expect_eq(diags.errors, 0, "%s", said());
        lookups_resume(names, before);
}
