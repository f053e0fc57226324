/* Commands against canned answers: what is printed, and the exit code. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "fake_daemon.h"

static struct fake_daemon d;

static void stop_daemon(void)
{
        fake_daemon_stop(&d);
}

TestSuite(commands, .fini = stop_daemon, .timeout = 20);

#define ALL                                                                                    \
        RULE_JSON("GET /v1/processes?fields=",                                                 \
                  LIST(PROCESS("a", "a", 20, "RUNNING", "pid 42, uptime 0:00:01") "," PROCESS( \
                      "web", "w1", 0, "STOPPED", "Not started")))

static void expect(const char *text, int code)
{
        cr_expect_str_eq(fake_daemon_said(&d), text, "said: %s", fake_daemon_said(&d));
        cr_expect_eq(d.ctl.exit_code, code, "exit code %d", d.ctl.exit_code);
}

Test(commands, status_shows_every_process_and_gives_3_when_one_is_down)
{
        FAKE_DAEMON(&d, RULE_UP, ALL);
        ctl_run(&d.ctl, "status");
        expect("a                                RUNNING   pid 42, uptime 0:00:01\n"
               "web:w1                           STOPPED   Not started\n",
               3);
}

Test(commands, status_says_what_it_does_not_know_before_the_rest)
{
        FAKE_DAEMON(&d, RULE_UP, ALL);
        ctl_run(&d.ctl, "status a nosuch zz:*");
        expect("nosuch: ERROR (no such process)\nzz: ERROR (no such group)\n"
               "a                                RUNNING   pid 42, uptime 0:00:01\n",
               4);
}

#define V1_LIST(state, version)                                                                  \
        RULE_JSON("GET /v1/processes?fields=",                                                   \
                  "{\"processes\":[{\"group\":\"web\",\"process\":\"w1\",\"state\":\"BACKOFF\"," \
                  "\"statecode\":30,\"description\":\"Exited too quickly\","                     \
                  "\"next_start_at\":null,\"next_start_why\":\"failed start 1 of 3\"},"          \
                  "{\"group\":\"x\",\"process\":\"x\",\"state\":\"STOPPED\",\"statecode\":0,"    \
                  "\"description\":\"Not started\"}],\"state\":\"" state                         \
                  "\",\"rpc_version\":" version "}")

Test(commands, status_asks_one_question_of_a_daemon_that_has_v1)
{
        FAKE_DAEMON(&d, V1_LIST("RUNNING", "\"3.0\""));
        ctl_run(&d.ctl, "status web:* nosuch");
        expect("nosuch: ERROR (no such process)\n"
               "web:w1                           BACKOFF   Exited too quickly\n",
               4);
}

Test(commands, status_with_details_asks_for_them_in_the_same_question)
{
        FAKE_DAEMON(&d, V1_LIST("RUNNING", "\"3.0\""));
        ctl_run(&d.ctl, "status -v web:w1");
        expect("web:w1                           BACKOFF   Exited too quickly\n"
               "                                           waits: failed start 1 of 3\n",
               0);
}

/* In the words of Supervisor's client. */
Test(commands, status_says_that_the_daemon_ends)
{
        FAKE_DAEMON(&d, V1_LIST("SHUTDOWN", "\"3.0\""));
        ctl_run(&d.ctl, "status");
        cr_expect_not_null(strstr(fake_daemon_said(&d), "<Fault 6: 'SHUTDOWN_STATE'>"));
        cr_expect_eq(d.ctl.exit_code, 1);
}

Test(commands, status_says_that_the_interface_is_not_enabled)
{
        FAKE_DAEMON(&d, V1_LIST("RUNNING", "null"));
        ctl_run(&d.ctl, "status");
        cr_expect_not_null(strstr(fake_daemon_said(&d), "did not recognize the supervisor"));
        cr_expect_eq(d.ctl.exit_code, 4);
}

Test(commands, a_daemon_without_v1_is_told_in_one_sentence)
{
        static const char *const lines[] = { "status",  "stop a",   "reread",
                                             "version", "health",   "status --json",
                                             "tail a",  "shutdown", "fg a" };

        FAKE_DAEMON(&d, { "GET ", 404, "text/html", "no", 0 },
                    { "POST ", 501, "text/html", "no", 0 });
        for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
                d.ctl.exit_code = 0;
                ctl_run(&d.ctl, lines[i]);
                cr_expect_eq(d.ctl.exit_code, EXIT_VERSION, "%s", lines[i]);
        }
        const char *said = fake_daemon_said(&d);
        cr_expect_not_null(strstr(said, "answered /v1 with HTTP status 404"));
        cr_expect_not_null(strstr(said, "answered /v1 with HTTP status 501"));
        cr_expect_not_null(strstr(said, d.url));
        cr_expect_not_null(strstr(said, "Supervisor's own supervisorctl\n"));
        cr_expect_not_null(strstr(fake_daemon_complained(&d), "HTTP status 404"), "beside JSON");
}

Test(commands, events_says_which_type_there_is_none_of)
{
        FAKE_DAEMON(&d, RULE_JSON("/v1/info", "{}"),
                    { "/v1/events?types=BOGUS", 400, "application/problem+json",
                      "{\"code\":\"BAD_REQUEST\",\"detail\":\"no event is called 'BOGUS'\"}", 0 });
        ctl_run(&d.ctl, "events BOGUS");
        expect("ERROR: BAD_REQUEST: no event is called 'BOGUS'\n", 1);
}

Test(commands, start_reads_refusals_as_words_and_codes)
{
        FAKE_DAEMON(&d, RULE_UP, RULE_LINES("/fine/start", DONE("fine")),
                    RULE_LINES("/twice/start", REFUSED("twice", "ALREADY_STARTED")),
                    RULE_LINES("/ill/start", REFUSED("ill", "SPAWN_ERROR")),
                    RULE_PROBLEM("/gone:%2A/start", 404, "BAD_NAME", "gone:*"));
        ctl_run(&d.ctl, "start fine twice gone:* ill");
        expect("fine: started\ntwice: ERROR (already started)\ngone: ERROR (no such group)\n"
               "ill: ERROR (spawn error)\n",
               7);
}

Test(commands, start_without_a_name_says_how_it_is_used_and_gives_2)
{
        FAKE_DAEMON(&d, RULE_UP);
        ctl_run(&d.ctl, "start");
        cr_expect_eq(
            strncmp(fake_daemon_said(&d), "Error: start requires a process name\nstart <", 44), 0);
        cr_expect_eq(d.ctl.exit_code, 2);
}

Test(commands, stop_of_all_prints_each_in_the_order_of_the_answer)
{
        FAKE_DAEMON(&d, RULE_UP,
                    RULE_LINES("/all/stop", DONE("web:w2") DONE("a") REFUSED("off", "NOT_RUNNING")
                                                REFUSED("b", "FAILED")));
        ctl_run(&d.ctl, "stop a all");
        expect("web:w2: stopped\na: stopped\nFAILED: b\n", 1);
}

/* Two answers that take two seconds each come in less than four, and in the order given. */
Test(commands, names_are_ordered_side_by_side_and_printed_in_order)
{
        FAKE_DAEMON(&d, RULE_UP, { "/slow/", 200, "application/x-ndjson", DONE("slow"), 2000 },
                    { "/slower/", 200, "application/x-ndjson", DONE("slower"), 2000 },
                    RULE_LINES("/quick/", DONE("quick")));
        int64_t before = clock_mono_ms();
        ctl_run(&d.ctl, "stop slow quick slower");
        int64_t took = clock_mono_ms() - before;
        expect("slow: stopped\nquick: stopped\nslower: stopped\n", 0);
        cr_expect_lt(took, 3900, "took %lld ms", (long long)took);
}

Test(commands, more_names_than_calls_under_way_are_all_served)
{
        AUTO_BUF line = BUF_INIT;

        FAKE_DAEMON(&d, RULE_UP, RULE_LINES("/p0/signal", DONE("p0")),
                    RULE_LINES("/p149/signal", DONE("p149")), RULE_LINES("/signal", DONE("p")));
        buf_puts(&line, "signal HUP");
        for (int i = 0; i < 150; i++)
                buf_printf(&line, " p%d", i);
        ctl_run(&d.ctl, buf_str(&line));
        cr_expect_not_null(strstr(fake_daemon_said(&d), "p0: signalled\np: signalled\n"));
        cr_expect_not_null(strstr(fake_daemon_said(&d), "p: signalled\np149: signalled\n"));
}

/* One order for each word; a stopped process of a group is passed over, one that was named is not.
 */
Test(commands, restart_prints_every_stop_before_every_start)
{
        FAKE_DAEMON(&d, RULE_UP, RULE_LINES("/a/restart", RESTARTED("a", "true")),
                    RULE_LINES("/off/restart", RESTARTED("off", "false")),
                    RULE_LINES("/web:%2A/restart",
                               RESTARTED("web:w1", "true") RESTARTED("web:w2", "false")),
                    RULE_PROBLEM("/nosuch/restart", 404, "BAD_NAME", "nosuch"));
        ctl_run(&d.ctl, "restart a off web:* nosuch");
        expect("a: stopped\noff: ERROR (not running)\nweb:w1: stopped\n"
               "nosuch: ERROR (no such process)\n"
               "a: started\noff: started\nweb:w1: started\nweb:w2: started\n"
               "nosuch: ERROR (no such process)\n",
               1);
}

Test(commands, an_unexpected_refusal_is_one_error_line)
{
        FAKE_DAEMON(&d, RULE_PROBLEM("POST /v1/config/reread", 500, "FAILED", "no luck"),
                    RULE_JSON("GET /v1/info", INFO("SHUTDOWN", "\"3.0\"")));
        ctl_run(&d.ctl, "pid");
        cr_expect_eq(strncmp(fake_daemon_said(&d),
                             "error: <class 'xmlrpc.client.Fault'>, <Fault 6: 'SHUTDOWN_STATE'>: "
                             "file: ",
                             73),
                     0);
        cr_expect_eq(d.ctl.exit_code, 1);
        ctl_run(&d.ctl, "reread");
        cr_expect_not_null(strstr(fake_daemon_said(&d), "<Fault 30: 'FAILED: no luck'>"));
}

Test(commands, another_api_version_is_refused)
{
        FAKE_DAEMON(&d, RULE_JSON("GET /v1/info", INFO("RUNNING", "\"9.9\"")));
        ctl_run(&d.ctl, "version");
        cr_expect_not_null(strstr(fake_daemon_said(&d), "API version 3.0, but the remote version "
                                                        "is 9.9.\n"));
        cr_expect_eq(d.ctl.exit_code, 5);
}

Test(commands, a_server_without_the_namespace_is_named)
{
        FAKE_DAEMON(&d, RULE_JSON("GET /v1/info", INFO("RUNNING", "null")));
        ctl_run(&d.ctl, "stop a");
        cr_expect_not_null(strstr(fake_daemon_said(&d), "did not recognize the supervisor"));
        cr_expect_eq(d.ctl.exit_code, 3);
}

Test(commands, a_password_that_cannot_be_asked_for_is_one_line)
{
        FAKE_DAEMON(&d, { "", 401, "text/html", "no", 0 });
        ctl_run(&d.ctl, "status");
        expect("Server requires authentication\n", 1);
}

Test(commands, reread_sorts_what_differs)
{
        FAKE_DAEMON(&d, RULE_JSON("POST /v1/config/reread",
                                  "{\"added\":[\"new\"],\"changed\":[\"edit\"],"
                                  "\"removed\":[\"old\"]}"));
        ctl_run(&d.ctl, "reread");
        expect("edit: changed\nnew: available\nold: disappeared\n", 0);
}

Test(commands, update_stops_removes_and_adds_group_by_group)
{
        FAKE_DAEMON(
            &d,
            RULE_JSON("POST /v1/config/reread", "{\"added\":[\"new\"],\"changed\":[\"edit\"],"
                                                "\"removed\":[\"old\",\"firm\"]}"),
            RULE_JSON("/firm:%2A/stop", "{\"results\":[{\"ok\":false,\"code\":\"FAILED\"}]}"),
            RULE_JSON("/stop", "{\"results\":[{\"ok\":false,\"code\":\"NOT_RUNNING\"}]}"),
            RULE_JSON("POST /v1/groups/", "{}"),
            RULE_JSON("GET /v1/processes?fields=group", LIST("{\"group\":\"old\"}")));
        ctl_run(&d.ctl, "update");
        expect("old: stopped\nold: removed process group\nfirm: stopped\n"
               "firm: has problems; not removing\nedit: stopped\nedit: updated process group\n"
               "new: added process group\n",
               1);
        ctl_run(&d.ctl, "update new nosuch");
        cr_expect_not_null(strstr(fake_daemon_said(&d),
                                  "ERROR: no such group: nosuch\nnew: added process group\n"));
}

Test(commands, avail_shows_what_is_configured)
{
        FAKE_DAEMON(&d, RULE_JSON("GET /v1/config/processes",
                                  "{\"processes\":[{\"name\":\"w\",\"group\":\"g\",\"inuse\":true,"
                                  "\"autostart\":false,\"group_prio\":7,\"process_prio\":9}]}"));
        ctl_run(&d.ctl, "avail");
        expect("g:w                              in use    manual    7:9\n", 0);
}

Test(commands, tail_prints_the_text_and_a_newline)
{
        FAKE_DAEMON(&d, RULE_UP,
                    { "GET /v1/logs/a/stdout?rotated=0&tail=12 ", 200, "application/octet-stream",
                      "last words\n", 0 });
        ctl_run(&d.ctl, "tail -12 a");
        expect("last words\n\n", 0);
}

Test(commands, words_that_are_no_command_are_unknown_syntax)
{
        FAKE_DAEMON(&d, RULE_UP);
        ctl_run(&d.ctl, "  frob  a ");
        ctl_run(&d.ctl, "!ls");
        ctl_run(&d.ctl, "   ");
        expect("*** Unknown syntax: frob  a\n*** Unknown syntax: !ls\n", 1);
}

Test(commands, a_word_ends_where_its_letters_end)
{
        FAKE_DAEMON(&d, RULE_UP, RULE_PROBLEM("GET /v1/processes/", 404, "BAD_NAME", ";"));
        ctl_run(&d.ctl, "pid;");
        expect("No such process ;\n", 1);
}

Test(commands, help_explains_by_the_same_table)
{
        FAKE_DAEMON(&d, RULE_UP);
        ctl_run(&d.ctl, "?version");
        ctl_run(&d.ctl, "help nosuch");
        expect("version\t\t\tThe version that supervisord speaks\n*** No help on nosuch\n", 0);
}

/* ---- ours */

Test(commands, scale_takes_a_leading_minus_for_a_number)
{
        FAKE_DAEMON(&d, RULE_JSON("{\"by\":-2,\"wait\":true}",
                                  "{\"program\":\"web\",\"was\":4,\"replicas\":2}"));
        ctl_run(&d.ctl, "scale web -2");
        expect("web: scaled from 4 to 2 processes\n", 0);
}

Test(commands, scale_says_one_process)
{
        FAKE_DAEMON(&d,
                    RULE_JSON("{\"replicas\":1,\"wait\":true}",
                              "{\"program\":\"web\",\"was\":1,\"replicas\":1}"),
                    RULE_JSON("{\"by\":-2,\"wait\":true}",
                              "{\"program\":\"web\",\"was\":3,\"replicas\":1}"));
        ctl_run(&d.ctl, "scale web 1");
        ctl_run(&d.ctl, "scale web -2");
        expect("web: has 1 process already\nweb: scaled from 3 to 1 process\n", 0);
}

Test(commands, scale_names_processes_that_came_and_failed_and_gives_7)
{
        FAKE_DAEMON(&d,
                    RULE_JSON("{\"replicas\":3,\"wait\":true}",
                              "{\"program\":\"web\",\"was\":1,\"replicas\":3,\"failed\":["
                              "{\"name\":\"web:1\",\"code\":\"SPAWN_ERROR\",\"state\":\"BACKOFF\","
                              "\"detail\":\"Exited too quickly\"},{\"name\":\"web:2\","
                              "\"code\":\"ABNORMAL_TERMINATION\",\"state\":\"EXITED\","
                              "\"detail\":null}]}"));
        ctl_run(&d.ctl, "scale web 3");
        expect("web: scaled from 1 to 3 processes\n"
               "web:1: ERROR (spawn error): BACKOFF, Exited too quickly\n"
               "web:2: ERROR (abnormal termination): EXITED\n",
               7);
}

Test(commands, scale_refuses_what_is_no_number)
{
        FAKE_DAEMON(&d, RULE_UP);
        ctl_run(&d.ctl, "scale web many");
        expect("Error: 'many' is no number of processes: 8, +2 or -2\n", 2);
}

Test(commands, apply_shows_the_plan)
{
        FAKE_DAEMON(&d,
                    RULE_JSON("{\"plan\":true}",
                              "{\"applied\":false,\"generation\":4,\"warnings\":[],\"changes\":["
                              "{\"name\":\"web:web_00\",\"action\":\"restart\",\"why\":\"command "
                              "changed\"},{\"name\":\"old\",\"action\":\"stop\",\"why\":\"gone\"}]"
                              "}"));
        ctl_run(&d.ctl, "apply --plan");
        expect("restart  web:web_00  command changed\n"
               "stop     old         gone\n"
               "Nothing was touched: \"apply\" carries this out\n",
               0);
}

Test(commands, apply_says_where_the_configuration_is_wrong)
{
        FAKE_DAEMON(&d,
                    { "/v1/reload", 422, "application/problem+json",
                      "{\"status\":422,\"title\":\"T\",\"detail\":\"D\",\"code\":\"CANT_REREAD\","
                      "\"errors\":[{\"file\":\"web.conf\",\"line\":7,\"section\":\"program:web\","
                      "\"key\":\"startsecs\",\"message\":\"expected a number\","
                      "\"hint\":\"seconds\"}]}",
                      0 });
        ctl_run(&d.ctl, "apply");
        expect("ERROR: web.conf:7: [program:web] startsecs: expected a number\n       seconds\n",
               1);
}

#define SETTING(section, key, from, to, action)                                     \
        "{\"section\":\"" section "\",\"key\":" key ",\"from\":" from ",\"to\":" to \
        ",\"action\":\"" action "\"}"

Test(commands, apply_shows_what_becomes_of_the_daemon_itself)
{
        FAKE_DAEMON(
            &d,
            RULE_JSON("{\"plan\":true}", "{\"applied\":false,\"generation\":4,\"warnings\":[],"
                                         "\"changes\":[],\"settings\":[" SETTING(
                                             "supervisord", "\"loglevel\"", "\"info\"", "\"debug\"",
                                             "live") "," SETTING("supervisord", "\"pidfile\"",
                                                                 "null", "\"/a\"", "later") "]}"),
            RULE_JSON(
                "{\"plan\":false}",
                "{\"applied\":true,\"generation\":5,\"warnings\":[],\"changes\":[],\"settings\":"
                "[" SETTING("inet_http_server:x", "null", "null", "\"*:9001\"", "open") "]}"));
        ctl_run(&d.ctl, "apply --plan");
        ctl_run(&d.ctl, "apply");
        expect("live   [supervisord]  loglevel info -> debug\n"
               "later  [supervisord]  pidfile nothing -> /a (when supervisord is started anew)\n"
               "Nothing was touched: \"apply\" carries this out; no process would be touched\n"
               "opened  [inet_http_server:x]  *:9001\n"
               "Applied as generation 5: no process is touched\n",
               0);
}

Test(commands, apply_does_not_say_that_nothing_changes_when_no_process_does)
{
        FAKE_DAEMON(&d,
                    RULE_JSON("{\"plan\":true}", "{\"applied\":false,\"generation\":4,"
                                                 "\"warnings\":[],\"changes\":[]}"),
                    RULE_JSON("{\"plan\":false}", "{\"applied\":true,\"generation\":5,"
                                                  "\"warnings\":[],\"changes\":[]}"));
        ctl_run(&d.ctl, "apply --plan");
        ctl_run(&d.ctl, "apply");
        expect("No process would be touched\nApplied as generation 5: no process is touched\n", 0);
}

Test(commands, with_json_print_the_objects_and_nothing_else)
{
        FAKE_DAEMON(&d, RULE_JSON("GET /v1/processes?name=a&name=zz&name=g:%2A ",
                                  "{\"processes\":[{\"process\":\"a\",\"group\":\"a\","
                                  "\"statecode\":20}]}"));
        ctl_run(&d.ctl, "status --json a zz g:*");
        expect("{\n  \"processes\": [\n    {\n      \"process\": \"a\",\n      \"group\": \"a\",\n"
               "      \"statecode\": 20\n    }\n  ]\n}\n",
               4);
        cr_expect_str_eq(fake_daemon_complained(&d),
                         "zz: ERROR (no such process)\ng: ERROR (no such group)\n");
}

Test(commands, with_json_give_the_exit_code_that_they_give_without)
{
        FAKE_DAEMON(
            &d,
            RULE_JSON("/v1/processes?name=off", "{\"processes\":[{\"group\":\"off\",\"process\":"
                                                "\"off\",\"statecode\":0,\"health\":\"none\"}]}"),
            RULE_JSON("/v1/processes?name=ill",
                      "{\"processes\":[{\"group\":\"ill\",\"process\":\"ill\",\"statecode\":20,"
                      "\"health\":\"unhealthy\"}]}"));
        ctl_run(&d.ctl, "health --json off");
        cr_expect_eq(d.ctl.exit_code, 0, "a process that is down is not ill");
        ctl_run(&d.ctl, "health --json ill");
        cr_expect_eq(d.ctl.exit_code, 3);
        d.ctl.exit_code = 0;
        ctl_run(&d.ctl, "status --json ill");
        cr_expect_eq(d.ctl.exit_code, 0);
        ctl_run(&d.ctl, "status --json off");
        cr_expect_eq(d.ctl.exit_code, 3);
}

Test(commands, with_json_put_several_orders_into_one_list)
{
        FAKE_DAEMON(&d, RULE_JSON("/v1/processes/a/stop", "{\"name\":\"a\"}"),
                    { "/v1/processes/b/stop", 409, "application/problem+json",
                      "{\"code\":\"NOT_RUNNING\",\"detail\":\"b\"}", 0 });
        ctl_run(&d.ctl, "--json");
        d.ctl.exit_code = 0;
        ctl_run(&d.ctl, "stop --json a b");
        cr_expect_not_null(strstr(fake_daemon_said(&d), "\"code\": \"NOT_RUNNING\""));
        cr_expect_eq(d.ctl.exit_code, 0, "a stopped process is no error for stop");
}

Test(commands, with_json_order_what_they_order_without)
{
        static const struct {
                const char *line, *request;
        } rows[] = { { "start --json a", "POST /v1/processes/a/start" },
                     { "signal --json HUP a", "POST /v1/processes/a/signal" },
                     { "clear --json a", "POST /v1/logs/a/clear" },
                     { "rotate --json a", "POST /v1/logs/a/rotate" },
                     { "add --json g", "POST /v1/groups/g/add" },
                     { "remove --json g", "POST /v1/groups/g/remove" },
                     { "shutdown --json", "POST /v1/shutdown" },
                     { "reload --json", "POST /v1/restart" } };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                FAKE_DAEMON(&d, RULE_JSON(rows[i].request, "{}"));
                ctl_run(&d.ctl, rows[i].line);
                expect("{}\n", 0);
                if (i + 1 < sizeof rows / sizeof *rows)
                        fake_daemon_stop(&d);
        }
}

/* An answer without a body is one result, as it is among several names. */
Test(commands, with_json_always_have_a_document)
{
        FAKE_DAEMON(&d, { "/v1/logs/a/clear", 204, "application/json", "", 0 });
        ctl_run(&d.ctl, "clear --json a");
        cr_expect_not_null(strstr(fake_daemon_said(&d), "\"ok\": true"));
        cr_expect_eq(d.ctl.exit_code, 0);
}

Test(commands, with_json_update_tells_each_group)
{
        FAKE_DAEMON(&d,
                    RULE_JSON("/v1/config/reread",
                              "{\"added\":[\"new\"],\"changed\":[],\"removed\":[\"old\"]}"),
                    RULE_JSON("/old:%2A/stop", "{\"results\":[]}"),
                    RULE_JSON("/v1/groups/old/remove", "{}"),
                    { "/v1/groups/new/add", 409, "application/problem+json",
                      "{\"code\":\"ALREADY_ADDED\",\"detail\":\"new\"}", 0 });
        ctl_run(&d.ctl, "update --json");
        json_t *doc = json_loads(fake_daemon_said(&d), 0, NULL);
        const json_t *results = json_object_get(doc, "results");
        cr_assert_eq(json_array_size(results), 2, "%s", fake_daemon_said(&d));
        cr_expect(json_is_true(json_object_get(json_array_get(results, 0), "ok")));
        cr_expect(json_is_false(json_object_get(json_array_get(results, 1), "ok")));
        cr_expect_eq(d.ctl.exit_code, 1);
        json_decref(doc);
}

Test(commands, say_that_a_daemon_cannot_answer_now)
{
        FAKE_DAEMON(&d, { "/v1/processes", 503, "text/plain", "Service Unavailable", 0 });
        ctl_run(&d.ctl, "status");
        cr_expect_not_null(strstr(fake_daemon_said(&d), "cannot answer now (HTTP status 503)"),
                           "%s", fake_daemon_said(&d));
        cr_expect_neq(d.ctl.exit_code, 0);
}

Test(commands, without_json_say_so)
{
        FAKE_DAEMON(&d, RULE_UP);
        ctl_run(&d.ctl, "tail --json a");
        cr_expect_str_eq(fake_daemon_complained(&d), "Error: tail has no JSON output\n");
        cr_expect_eq(d.ctl.exit_code, 2);
}

Test(commands, that_find_no_daemon_name_the_url)
{
        FAKE_DAEMON(&d, RULE_UP);
        struct err e;
        cr_assert(session_open(&d.ctl.session, "unix:///nonexistent/s.sock", &e));
        ctl_run(&d.ctl, "version");
        cr_expect_eq(d.ctl.exit_code, 7);
        ctl_run(&d.ctl, "status");
        cr_expect_eq(d.ctl.exit_code, 4);
        ctl_run(&d.ctl, "shutdown");
        expect("unix:///nonexistent/s.sock no such file\n"
               "unix:///nonexistent/s.sock no such file\n"
               "ERROR: unix:///nonexistent/s.sock no such file (already shut down?)\n",
               1);
}

Test(commands, ask_before_shutting_down_from_the_prompt)
{
        int p[2];

        FAKE_DAEMON(&d, RULE_JSON("POST /v1/shutdown", "{\"state\":\"SHUTDOWN\"}"));
        cr_assert_eq(pipe(p), 0);
        d.ctl.in.fd = p[0];
        d.ctl.interactive = true;
        cr_assert_eq(write(p[1], "n\nYes\n", 6), 6);
        ctl_run(&d.ctl, "shutdown");
        ctl_run(&d.ctl, "shutdown");
        expect("Really shut the remote supervisord process down y/N? "
               "Really shut the remote supervisord process down y/N? Shut down\n",
               0);
        close(p[0]);
        close(p[1]);
        input_release(&d.ctl.in);
}
