#include <criterion/criterion.h>
#include <errno.h>
#include <ev.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../fakes/kernel.h"
#include "../fakes/world.h"
#include "api/http/conn.h"
#include "api/rest/events.h"
#include "engine/core/startup.h"
#include "engine/core/supervisor.h"
#include "engine/run/reaper.h"

/* The whole API over a real engine whose kernel is the fake one. */
static struct supervisor sup;
static struct fake_kernel kernel;
static struct fake_world host;
static struct ev_loop *loop;
static struct api api;
static struct listener from;
static int client = -1;
static struct buf heard;
static char dir[64];

static const char text[] = "[supervisord]\n"
                           "childlogdir=%s\n"
                           "[program:cat]\n"
                           "command=/bin/cat\n"
                           "autostart=false\n"
                           "startsecs=0\n"
                           "stdout_logfile=%s/cat.log\n"
                           "stderr_logfile=NONE\n"
                           "[program:web]\n"
                           "command=/bin/sleep 1\n"
                           "process_name=%%(program_name)s_%%(process_num)02d\n"
                           "numprocs=2\n"
                           "numprocs_max=4\n"
                           "startsecs=10\n"
                           "autostart=false\n"
                           "stdout_logfile=NONE\n"
                           "stderr_logfile=NONE\n"
                           "[program:lost]\n"
                           "command=/nonexistent/command\n"
                           "autostart=false\n"
                           "stdout_logfile=NONE\n"
                           "stderr_logfile=NONE\n";

static void connect_one(void)
{
        int fds[2];

        if (client >= 0)
                close(client);
        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
        cr_assert_not_null(conn_new(&api, &from, fds[0]));
        client = fds[1];
}

static struct config *load(void)
{
        struct diags diags = { 0 };
        struct config *c = config_load("/etc/s.conf", WANT_DAEMON, NULL, 0, &host.ops, &diags);
        const struct diag *first = diags_first_error(&diags);

        cr_assert_not_null(c, "%s", first ? first->message : "?");
        diags_release(&diags);
        return c;
}

static void setup(void)
{
        char conf[2048];
        struct err e = { 0 };

        strcpy(dir, "/tmp/api-rest.XXXXXX");
        cr_assert_not_null(mkdtemp(dir));
        kernel_init(&kernel);
        kernel.obeys_term = true;
        fake_world_init(&host);
        fake_world_dir(&host, dir);
        snprintf(conf, sizeof conf, text, dir, dir);
        fake_world_file(&host, "/etc/s.conf", conf);
        loop = ev_loop_new(EVFLAG_AUTO);
        cr_assert(
            supervisor_init(&sup, components, loop, &kernel.ops, &host.ops, NULL, load(), &e) &&
                supervisor_add_all(&sup, &e),
            "%s", e.text);
        supervisor_begin(&sup);
        api = (struct api){
                .sup = &sup, .loop = loop, .route = route, .row = route_row, .place_max = 10
        };
        api.events = events_new(&sup, 1);
        from = (struct listener){ .api = &api, .refs = 1, .conf.kind = SERVER_UNIX };
        heard = BUF_INIT;
        connect_one();
}

static void teardown(void)
{
        char path[128];

        while (api.conns)
                conn_close(api.conns);
        events_free(api.events);
        supervisor_release(&sup);
        kernel_release(&kernel);
        fake_world_release(&host);
        close(client);
        client = -1;
        buf_release(&heard);
        ev_loop_destroy(loop);
        snprintf(path, sizeof path, "%s/cat.log", dir);
        unlink(path);
        cr_expect_eq(rmdir(dir), 0, "something is left in %s", dir);
}

TestSuite(rest, .init = setup, .fini = teardown);

static void spin(void)
{
        for (int i = 0; i < 20; i++) {
                ev_run(loop, EVRUN_NOWAIT);
                reaper_drain(&sup);
        }
}

/* Whether an answer is there; it is in `heard` then. */
static bool hear(void)
{
        char data[65536];
        ssize_t n;

        buf_reset(&heard);
        spin();
        while ((n = read(client, data, sizeof data)) > 0)
                buf_put(&heard, data, (size_t)n);
        return heard.len > 0;
}

static void send_request(const char *method, const char *path, const char *body)
{
        char request[1024];
        int n = snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nContent-Length: %zu\r\n\r\n%s",
                         method, path, strlen(body), body);

        cr_assert_eq(write(client, request, (size_t)n), n);
}

/* The status of the answer; 0 while there is none. */
static int ask(const char *method, const char *path, const char *body)
{
        send_request(method, path, body);
        return hear() ? atoi(heard.data + strlen("HTTP/1.1 ")) : 0;
}

static int post(const char *path, const char *body)
{
        return ask("POST", path, body);
}

static bool has(const char *needle)
{
        return strstr(buf_str(&heard), needle) != NULL;
}

static int status_of_answer(void)
{
        return hear() ? atoi(heard.data + strlen("HTTP/1.1 ")) : 0;
}

static void later(int64_t ms)
{
        struct moment at = clock_now();

        at.mono_ms += ms;
        at.wall_ms += ms;
        supervisor_tick(&sup, at);
}

static void write_config(const char *more)
{
        char conf[2048], whole[4096];

        snprintf(conf, sizeof conf, text, dir, dir);
        snprintf(whole, sizeof whole, "%s%s", conf, more);
        fake_world_file(&host, "/etc/s.conf", whole);
}

Test(rest, knows_its_paths_and_their_methods)
{
        cr_expect_eq(ask("GET", "/healthz", ""), 200);
        cr_expect(has("\r\n\r\nok"));
        cr_expect_eq(ask("GET", "/v1/info", ""), 200);
        cr_expect(has("\"config\":\"/etc/s.conf\",\"config_generation\":1"));
        cr_expect_eq(ask("HEAD", "/v1/info", ""), 200);
        cr_expect_not(has("config"));
        cr_expect_eq(post("/v1/info", ""), 405);
        cr_expect_eq(ask("GET", "/v1/reload", ""), 405);
        cr_expect_eq(ask("GET", "/v1/nothing", ""), 404);
        cr_expect(has("application/problem+json"));
        cr_expect(has("\"code\":\"NOT_FOUND\""));
        cr_expect_eq(ask("GET", "/metrics", ""), 404);
        cr_expect_eq(ask("GET", "/RPC2", ""), 400);
        cr_expect_eq(ask("GET", "/ok.html", ""), 200);
        cr_expect_eq(ask("GET", "/index.html?action=stopall", ""), 403);
        cr_expect_eq(ask("GET", "/", ""), 200);
        cr_expect(has("web:web_00"));
}

Test(rest, lists_processes_in_the_order_of_status)
{
        cr_expect_eq(ask("GET", "/v1/processes", ""), 200);
        const char *cat = strstr(heard.data, "\"name\":\"cat\"");
        const char *lost = strstr(heard.data, "\"name\":\"lost\"");
        const char *web = strstr(heard.data, "\"name\":\"web:web_00\"");
        cr_expect(cat && lost && web && cat < lost && lost < web);
        cr_expect_eq(ask("GET", "/v1/processes?name=web:*", ""), 200);
        cr_expect_not(has("\"cat\""));
        cr_expect_eq(ask("GET", "/v1/processes?name=nosuch*", ""), 200);
        cr_expect(has("{\"processes\":[],\"state\":\"RUNNING\",\"rpc_version\":null}"));
}

Test(rest, lists_the_processes_and_fields_that_were_asked_for_each_once)
{
        cr_expect_eq(
            ask("GET", "/v1/processes?name=web:web_01&name=cat&name=web:*&fields=name", ""), 200);
        cr_expect(has("{\"processes\":[{\"name\":\"cat\"},{\"name\":\"web:web_00\"},"
                      "{\"name\":\"web:web_01\"}],\"state\":\"RUNNING\",\"rpc_version\":null}\n"));
        cr_expect_eq(ask("GET", "/v1/processes/cat?fields=state,name", ""), 200);
        cr_expect(has("\r\n\r\n{\"name\":\"cat\",\"state\":\"STOPPED\"}\n"));
        cr_expect_eq(ask("GET", "/v1/processes?fields=name,stat", ""), 400);
        cr_expect(has("a process has no 'stat'; it has name, group, "));
        cr_expect_eq(ask("GET", "/v1/processes/web%3Aweb_01", ""), 200);
        cr_expect(has("\r\n\r\n{\"name\":\"web:web_01\","));
        cr_expect_eq(ask("GET", "/v1/processes/web", ""), 404);
        cr_expect(has("BAD_NAME"));
        cr_expect_eq(ask("GET", "/v1/processes/a%00b", ""), 400);
}

Test(rest, starts_and_stops_one_process)
{
        cr_expect_eq(post("/v1/processes/cat/start", "{}"), 200);
        cr_expect(has("\"state\":\"RUNNING\""));
        cr_expect_eq(post("/v1/processes/cat/start", ""), 409);
        cr_expect(has("\"code\":\"ALREADY_STARTED\""));
        cr_expect_eq(post("/v1/processes/cat/stop", ""), 200);
        cr_expect(has("\"state\":\"STOPPED\""));
        cr_expect(has("\"signal\":\"SIGTERM\""));
        cr_expect_eq(post("/v1/processes/cat/stop", ""), 409);
        cr_expect(has("\"code\":\"NOT_RUNNING\""));
        cr_expect_eq(post("/v1/processes/lost/start", ""), 409);
        cr_expect(has("\"detail\":\"can't find command '/nonexistent/command'\""));
        cr_expect(has("\"code\":\"NO_FILE\""));
        cr_expect_eq(post("/v1/processes/nosuch/start", ""), 404);
}

Test(rest, answers_when_the_start_is_through)
{
        cr_expect_eq(post("/v1/processes/web:web_00/start", "{\"timeout_s\":100}"), 0);
        later(11000);
        cr_expect_eq(status_of_answer(), 200);
        cr_expect(has("\"state\":\"RUNNING\""));
}

Test(rest, says_why_a_start_failed)
{
        cr_expect_eq(post("/v1/processes/web:web_00/start", ""), 0);
        kernel_end(&kernel, kernel_newest(&kernel)->pid, KERNEL_EXITED(1));
        cr_expect_eq(status_of_answer(), 409);
        cr_expect(has("\"detail\":\"Exited too quickly (process log may have details)\""));
        cr_expect(has("\"code\":\"SPAWN_ERROR\""));
}

Test(rest, does_not_wait_when_it_is_told)
{
        cr_expect_eq(post("/v1/processes/web:web_00/start", "{\"wait\":false}"), 202);
        cr_expect(has("\"state\":\"STARTING\""));
        cr_expect_eq(post("/v1/processes/web:*/stop", "{\"wait\":false}"), 202);
        cr_expect(
            has("{\"results\":[{\"name\":\"web:web_00\",\"ok\":true,\"code\":\"OK\",\"detail\":"
                "null},{\"name\":\"web:web_01\",\"ok\":false,\"code\":\"NOT_RUNNING\","
                "\"detail\":null}]}"));
}

Test(rest, answers_for_several_when_the_last_is_there)
{
        cr_expect_eq(post("/v1/processes/all/start", ""), 0);
        cr_expect_eq(kernel.child_count, 3);
        later(11000);
        cr_expect_eq(status_of_answer(), 200);
        cr_expect(has("{\"results\":[{\"name\":\"cat\",\"ok\":true,"));
        cr_expect(has("{\"name\":\"lost\",\"ok\":false,\"code\":\"NO_FILE\","));
        cr_expect(has("{\"name\":\"web:web_00\",\"ok\":true,"));
        cr_expect(has("{\"name\":\"web:web_01\",\"ok\":true,"));
}

Test(rest, answers_alike_when_the_disk_is_slow)
{
        static const char *const bodies[] = { "", "{\"wait\":false}" };

        kernel.disk_is_slow = kernel.spawn_takes_time = true;
        for (size_t i = 0; i < 2; i++) {
                cr_expect_eq(post("/v1/processes/lost/start", bodies[i]), 0);
                kernel_started(&kernel, kernel_newest(&kernel)->pid, STEP_FIND, ENOENT);
                cr_expect_eq(status_of_answer(), 409);
                cr_expect(has("\"detail\":\"can't find command '/nonexistent/command'\""));
                cr_expect(has("\"code\":\"NO_FILE\""));
                cr_expect_eq(post("/v1/processes/lost/restart", bodies[i]), 0);
                kernel_started(&kernel, kernel_newest(&kernel)->pid, STEP_FIND, EISDIR);
                cr_expect_eq(status_of_answer(), 409);
                cr_expect(has("\"detail\":\"command at '/nonexistent/command' is a directory\""));
                cr_expect(has("\"code\":\"NOT_EXECUTABLE\""));
        }
}

Test(rest, says_of_an_order_whose_program_is_looked_for_that_it_stands)
{
        kernel.disk_is_slow = kernel.spawn_takes_time = true;
        send_request("POST", "/v1/processes/lost/start", "{\"timeout_s\":0.02}");
        while (!hear())
                ev_run(loop, EVRUN_ONCE);
        cr_expect(has("504 Gateway Timeout"));
        cr_expect(has("\"code\":\"TIMEOUT\""));
        cr_expect(has("the order stands"));
}

static int post_for_lines(const char *path, const char *body)
{
        char request[1024];
        int n = snprintf(request, sizeof request,
                         "POST %s HTTP/1.1\r\nContent-Length: %zu\r\n"
                         "Accept: application/x-ndjson\r\n\r\n%s",
                         path, strlen(body), body);

        cr_assert_eq(write(client, request, (size_t)n), n);
        return status_of_answer();
}

#define LINE(name, ok, code) "{\"name\":\"" name "\",\"ok\":" ok ",\"code\":\"" code "\","

/* What is known at once comes first, then what was waited for. */
Test(rest, tells_results_a_line_each_in_the_order_they_came)
{
        cr_expect_eq(post_for_lines("/v1/processes/all/start", ""), 0);
        kernel_end(&kernel, kernel_newest(&kernel)->pid, KERNEL_EXITED(1));
        spin();
        later(11000);
        while (!hear()) /* what is said about a start may come a moment later */
                ev_run(loop, EVRUN_ONCE);
        cr_expect(has("HTTP/1.1 200 OK\r\n"));
        cr_expect(has("Content-Type: application/x-ndjson\r\n"));
        static const char *const lines[] = { LINE("cat", "true", "OK"),
                                             LINE("lost", "false", "NO_FILE"),
                                             LINE("web:web_01", "false", "SPAWN_ERROR"),
                                             LINE("web:web_00", "true", "OK") };
        const char *at = buf_str(&heard);
        for (size_t i = 0; at && i < 4; i++) {
                at = strstr(at, lines[i]);
                cr_expect(at, "%s is not there, or not behind the others: %s", lines[i],
                          buf_str(&heard));
        }
        cr_expect_eq(post_for_lines("/v1/processes/cat/stop", ""), 200, "of one, too");
        cr_expect(has("\r\n" LINE("cat", "true", "OK") "\"detail\":null}\n"));
}

Test(rest, gives_orders_by_priority_and_stops_the_other_way_round)
{
        write_config("[program:zz]\ncommand=/bin/cat\nautostart=false\nstartsecs=0\npriority=1\n"
                     "stdout_logfile=NONE\nstderr_logfile=NONE\n");
        post("/v1/reload", "");
        cr_expect_eq(post_for_lines("/v1/processes/all/start", "{\"wait\":false}"), 202);
        const char *first = strstr(buf_str(&heard), LINE("zz", "true", "OK"));
        cr_expect(first && first < strstr(buf_str(&heard), "\"cat\""), "%s", buf_str(&heard));
        cr_expect_eq(post_for_lines("/v1/processes/all/stop", "{\"wait\":false}"), 202);
        const char *last = strstr(buf_str(&heard), LINE("zz", "true", "OK"));
        cr_expect(last && last > strstr(buf_str(&heard), "\"cat\""), "%s", buf_str(&heard));
        cr_expect_eq(post("/v1/processes/all/stop", ""), 200);
        cr_expect(has("{\"results\":[{\"name\":\"cat\""), "else it is that of status");
}

Test(rest, says_of_a_restart_what_ran_before)
{
        post("/v1/processes/cat/start", "");
        cr_expect_eq(post_for_lines("/v1/processes/cat/restart", ""), 200);
        cr_expect(has(LINE("cat", "true", "OK") "\"detail\":null,\"was_running\":true}"));
        post("/v1/processes/cat/stop", "");
        cr_expect_eq(post_for_lines("/v1/processes/cat/restart", ""), 200);
        cr_expect(has("\"was_running\":false}"));
}

Test(rest, finds_nothing_to_do_in_an_empty_group)
{
        write_config("[group:none]\nprograms=few\n[program:few]\ncommand=/bin/cat\n"
                     "numprocs=0\nprocess_name=%(program_name)s_%(process_num)d\n"
                     "stdout_logfile=NONE\nstderr_logfile=NONE\n");
        cr_expect_eq(post("/v1/reload", ""), 200);
        cr_expect_eq(post("/v1/processes/none:*/stop", ""), 200);
        cr_expect(has("{\"results\":[]}"));
        cr_expect_eq(post("/v1/processes/nosuch:*/stop", ""), 404);
}

Test(rest, clears_logs)
{
        cr_expect_eq(post("/v1/logs/cat/clear", ""), 204);
        cr_expect_eq(post("/v1/logs/all/clear", ""), 200);
        cr_expect(has("{\"name\":\"cat\",\"ok\":true,"));
        cr_expect_eq(post("/v1/logs/nosuch/clear", ""), 404);
}

Test(rest, tells_a_wrong_signal_by_process)
{
        post("/v1/processes/cat/start", "");
        cr_expect_eq(post("/v1/processes/all/signal", "{\"signal\":\"NOPE\"}"), 200);
        cr_expect(has(LINE("cat", "false", "BAD_SIGNAL")));
        cr_expect(has(LINE("lost", "false", "NOT_RUNNING")));
        cr_expect_eq(post("/v1/processes/nosuch/signal", "{\"signal\":\"NOPE\"}"), 404);
}

Test(rest, gives_up_waiting_after_the_timeout)
{
        send_request("POST", "/v1/processes/web:web_00/start", "{\"timeout_s\":0.02}");
        while (!hear())
                ev_run(loop, EVRUN_ONCE);
        cr_expect(has("504 Gateway Timeout"));
        cr_expect(has("\"code\":\"TIMEOUT\""));
        cr_expect_eq(ask("GET", "/v1/processes/web:web_00", ""), 200);
        cr_expect(has("\"state\":\"STARTING\""), "the order stands");
}

Test(rest, forgets_the_waiting_when_the_client_leaves)
{
        cr_expect_eq(post("/v1/processes/web:*/start", ""), 0);
        connect_one();
        spin();
        later(11000);
        cr_expect_eq(ask("GET", "/v1/processes/web:web_01", ""), 200);
        cr_expect(has("\"state\":\"RUNNING\""));
}

Test(rest, refuses_what_makes_no_sense)
{
        static const struct {
                const char *path, *body, *code;
        } bad[] = {
                { "/v1/processes/cat/start", "[]", "BAD_REQUEST" },
                { "/v1/processes/cat/start", "{", "BAD_REQUEST" },
                { "/v1/processes/cat/start", "{\"wait\":1}", "BAD_REQUEST" },
                { "/v1/processes/cat/start", "{\"timeout_s\":0}", "BAD_REQUEST" },
                { "/v1/processes/cat/start", "{\"timeout_s\":\"1\"}", "BAD_REQUEST" },
                { "/v1/processes/cat/signal", "{\"signal\":\"NOPE\"}", "BAD_SIGNAL" },
                { "/v1/processes/cat/signal", "{}", "BAD_SIGNAL" },
                { "/v1/processes/cat/stdin", "{}", "BAD_REQUEST" },
                { "/v1/programs/web/scale", "{}", "BAD_REQUEST" },
                { "/v1/programs/web/scale", "{\"replicas\":1.5}", "BAD_REQUEST" },
                { "/v1/programs/web/scale", "{\"replicas\":1,\"by\":1}", "BAD_REQUEST" },
                { "/v1/programs/web/scale", "{\"replicas\":5}", "OUT_OF_RANGE" },
                { "/v1/programs/web/scale", "{\"by\":-3}", "OUT_OF_RANGE" },
                { "/v1/programs/web/scale", "{\"by\":2147483647}", "OUT_OF_RANGE" },
                { "/v1/programs/web/scale", "{\"replicas\":-9000000000000}", "OUT_OF_RANGE" },
                { "/v1/reload", "{\"plan\":\"yes\"}", "BAD_REQUEST" },
        };

        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
                cr_expect_eq(post(bad[i].path, bad[i].body), 400, "%s %s", bad[i].path,
                             bad[i].body);
                cr_expect(has(bad[i].code), "%s %s: %s", bad[i].path, bad[i].body, buf_str(&heard));
        }
        cr_expect_eq(kernel.child_count, 0);
}

Test(rest, signals_and_writes_to_a_process)
{
        post("/v1/processes/cat/start", "");
        pid_t pid = kernel_newest(&kernel)->pid;
        char data[64];

        cr_expect_eq(post("/v1/processes/cat/signal", "{\"signal\":\"hup\"}"), 200);
        cr_expect_eq(kernel_kills(&kernel, pid, SIGHUP), 1);
        cr_expect_eq(post("/v1/processes/cat/signal", "{\"signal\":10}"), 200);
        cr_expect_eq(kernel_kills(&kernel, pid, SIGUSR1), 1);
        cr_expect_eq(post("/v1/processes/web:web_00/signal", "{\"signal\":\"HUP\"}"), 409);
        cr_expect_eq(post("/v1/processes/cat/stdin", "{\"data\":\"a\\u0000b\"}"), 204);
        cr_expect_not(has("Content-Length"));
        cr_expect_eq(kernel_hear(&kernel, pid, data, sizeof data), 3);
        cr_expect_eq(memcmp(data, "a\0b", 3), 0);
        cr_expect_eq(post("/v1/processes/web:web_00/stdin", "{\"data\":\"x\"}"), 409);
}

Test(rest, scales_a_program)
{
        cr_expect_eq(ask("GET", "/v1/programs/web", ""), 200);
        cr_expect(has("\"numprocs\":2,\"replicas\":2,\"numprocs_min\":0,\"numprocs_max\":4"));
        cr_expect_eq(post("/v1/programs/web/scale", "{\"by\":1,\"wait\":false}"), 202);
        cr_expect(has("{\"program\":\"web\",\"was\":2,\"replicas\":3,\"failed\":[]}"));
        cr_expect_eq(post("/v1/programs/web/scale", "{\"replicas\":4}"), 0);
        later(11000);
        cr_expect_eq(status_of_answer(), 200);
        cr_expect(has("{\"program\":\"web\",\"was\":3,\"replicas\":4,\"failed\":[]}"));
        cr_expect_eq(post("/v1/programs/web:web/scale", "{\"replicas\":1}"), 200);
        cr_expect_eq(post("/v1/programs/nosuch/scale", "{\"replicas\":1}"), 404);
        cr_expect_eq(post("/v1/programs/cat/scale", "{\"replicas\":2}"), 422);
}

Test(rest, says_which_workers_of_a_scaled_program_failed)
{
        cr_expect_eq(post("/v1/programs/web/scale", "{\"by\":1}"), 0);
        kernel_end(&kernel, kernel_newest(&kernel)->pid, KERNEL_EXITED(3));
        later(100);
        cr_expect_eq(status_of_answer(), 200);
        cr_expect(
            has("\"replicas\":3,\"failed\":[{\"name\":\"web:web_02\",\"code\":\"SPAWN_ERROR\","
                "\"state\":\"BACKOFF\",\"detail\":\"Exited too quickly (process log may "
                "have details)\"}]}"));
        kernel_fail(&kernel, K_SPAWN, 1, ENOMEM);
        cr_expect_eq(post("/v1/programs/web/scale", "{\"by\":1}"), 200);
        cr_expect(has("\"failed\":[{\"name\":\"web:web_03\",\"code\":\"SPAWN_ERROR\","));
        cr_expect_not(has("web_02"));
}

Test(rest, plans_and_applies_a_configuration)
{
        char conf[2048];
        int n = snprintf(conf, sizeof conf, text, dir, dir);

        snprintf(conf + n, sizeof conf - (size_t)n,
                 "[program:fresh]\ncommand=/bin/cat\nstdout_logfile=NONE\n"
                 "stderr_logfile=NONE\n");
        fake_world_file(&host, "/etc/s.conf", conf);
        cr_expect_eq(post("/v1/reload", "{\"plan\":true}"), 200);
        cr_expect(has("\"applied\":false"));
        cr_expect(has("{\"name\":\"fresh\",\"program\":\"fresh\",\"action\":\"start\""));
        cr_expect_not(has("\"keep\""));
        cr_expect_eq(ask("GET", "/v1/processes/fresh", ""), 404);
        cr_expect_eq(post("/v1/reload", "{\"plan\":true,\"all\":true}"), 200);
        cr_expect(has("\"keep\""));
        cr_expect_eq(post("/v1/reload", ""), 200);
        cr_expect(has("\"applied\":true,\"generation\":2"));
        cr_expect_eq(ask("GET", "/v1/processes/fresh", ""), 200);
}

Test(rest, shows_what_is_wrong_with_a_configuration)
{
        fake_world_file(&host, "/etc/s.conf",
                        "[supervisord]\n[program:x]\ncommand=/bin/cat\n"
                        "startsecs=soon\n");
        cr_expect_eq(post("/v1/reload", ""), 422);
        cr_expect(has("\"code\":\"CANT_REREAD\""));
        cr_expect(has("\"errors\":[{\"file\":\"/etc/s.conf\",\"line\":4,\"section\":\"program:x\","
                      "\"key\":\"startsecs\","));
        cr_expect_eq(ask("GET", "/v1/processes/cat", ""), 200);
}

Test(rest, takes_no_orders_while_the_daemon_ends)
{
        sup.daemon_state = DAEMON_SHUTDOWN;
        cr_expect_eq(post("/v1/processes/cat/start", ""), 503);
        cr_expect(has("SHUTDOWN_STATE"));
        cr_expect_eq(post("/v1/programs/web/scale", "{\"replicas\":1}"), 503);
        cr_expect_eq(post("/v1/reload", ""), 503);
        cr_expect_eq(ask("GET", "/v1/info", ""), 200);
        cr_expect(has("\"state\":\"SHUTDOWN\""));
        sup.daemon_state = DAEMON_RUNNING;
}

Test(rest, reads_bodies_as_long_as_their_route_needs)
{
        static const struct {
                const char *path;
                size_t most;
        } routes[] = { { "/RPC2", 16u << 20 },
                       { "/v1/processes/cat/stdin", 16u << 20 },
                       { "/v1/reload", 64u << 10 },
                       { "/v1/stdin/cat", 64u << 10 },
                       { "/", 64u << 10 },
                       { "/nowhere", 64u << 10 },
                       { "/nowhere/stdin", 64u << 10 },
                       { "/healthz", 64u << 10 } };

        for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
                char request[256];
                int n = snprintf(request, sizeof request,
                                 "POST %s HTTP/1.1\r\nContent-Length: %zu\r\n\r\n", routes[i].path,
                                 routes[i].most + 1);
                if (api.conns)
                        conn_close(api.conns);
                connect_one();
                cr_assert_eq(write(client, request, (size_t)n), n);
                cr_expect_eq(status_of_answer(), 413, "%s", routes[i].path);
        }
}

/* ---- TCP */

/* Each request has its own connection, because a refused client has no second request. */
static int tcp_say(const char *method, const char *path, const char *headers, const char *body)
{
        char request[1024];
        int n = snprintf(request, sizeof request, "%s %s HTTP/1.1\r\n%s\r\n%s", method, path,
                         headers, body);

        if (api.conns)
                conn_close(api.conns);
        connect_one();
        cr_assert_eq(write(client, request, (size_t)n), n);
        return status_of_answer();
}

static int tcp_ask(const char *method, const char *headers)
{
        bool post = method[0] == 'P';
        char all[600];

        snprintf(all, sizeof all, "%s%s", headers, post ? "Content-Length: 2\r\n" : "");
        return tcp_say(method, post ? "/v1/processes/cat/start" : "/v1/processes/cat", all,
                       post ? "{}" : "");
}

#define PASSWORD "Authorization: Basic YW5uOnMzY3JldA==\r\n"

/* The rule itself has its table in test_browser. */
Test(rest, refuses_a_foreign_page_on_every_path_before_it_asks_for_a_password)
{
        static const char *const paths[] = {
                "/",       "/index.html",  "/RPC2",    "/v1/info",     "/v1/processes/cat/start",
                "/v1/x",   "/logtail/cat", "/nowhere", "/mainlogtail", "/tail.html?processname=cat",
                "/%72pc2", "/v1/../RPC2"
        };
        static const char *const bids[] = { "Host: localhost\r\nOrigin: http://evil.example\r\n",
                                            "Host: localhost\r\nOrigin: null\r\n",
                                            "Host: localhost\r\nOrigin:\r\n",
                                            "Host: localhost\r\nSec-Fetch-Site: cross-site\r\n",
                                            "Host: localhost\r\nSec-Fetch-Site: same-origin\r\n"
                                            "Sec-Fetch-Site: cross-site\r\n",
                                            "Host: localhost\r\nOrigin: http://localhost\r\n"
                                            "Origin: http://localhost\r\n" };

        from.conf.kind = SERVER_INET;
        from.conf.username = "ann";
        from.conf.password = "s3cret";
        for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
                for (size_t k = 0; k < sizeof bids / sizeof *bids; k++)
                        for (int with = 0; with < 2; with++) {
                                char headers[512];
                                snprintf(headers, sizeof headers,
                                         "%s%sContent-Type: text/plain\r\nContent-Length: 3\r\n",
                                         bids[k], with ? PASSWORD : "");
                                cr_expect_eq(tcp_say("POST", paths[i], headers, "abc"), 403,
                                             "%s %s", paths[i], headers);
                                cr_expect(has("allowed_hosts"), "%s", buf_str(&heard));
                        }
        cr_expect_eq(tcp_say("GET", "/healthz", bids[0], ""), 200);
        cr_expect_eq(tcp_say("GET", "/v1/info", "Host: localhost\r\n", ""), 401);
        cr_expect_eq(kernel.child_count, 0);
}

Test(rest, takes_an_order_without_a_body_whatever_its_type)
{
        from.conf.kind = SERVER_INET;
        from.conf.username = "ann";
        from.conf.password = "s3cret";
        cr_expect_eq(tcp_say("POST", "/v1/processes/cat/start",
                             PASSWORD "Host: proxy.example\r\nContent-Length: 0\r\n", ""),
                     200);
}

Test(rest, knows_no_pages_on_a_unix_socket)
{
        cr_expect_eq(tcp_ask("POST", "Host: evil\r\nOrigin: http://evil.example\r\n"), 200);
}

Test(rest, takes_orders_over_tcp_with_a_password_and_from_no_web_page)
{
        static const char auth[] = PASSWORD;
        static const struct {
                const char *headers;
                int status;
        } tries[] = {
                { "", 400 },
                { "Content-Type: text/plain\r\n", 400 },
                { "Content-Type: application/json\r\nHost: box\r\nOrigin: null\r\n", 403 },
                { "Content-Type: application/json\r\nHost: box\r\nOrigin: http://evil\r\n", 403 },
                { "Content-Type: application/json; charset=utf-8\r\nHost: box:9001\r\n"
                  "Origin: http://box:9001\r\n",
                  200 },
        };

        from.conf.kind = SERVER_INET;
        from.conf.username = "ann";
        from.conf.password = "s3cret";
        for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
                char headers[512];
                snprintf(headers, sizeof headers, "%s%s", auth, tries[i].headers);
                cr_expect_eq(tcp_ask("POST", headers), tries[i].status, "%s", tries[i].headers);
        }
        cr_expect_eq(kernel.child_count, 1);
}

Test(rest, lets_a_binary_be_named_by_root_and_the_daemons_user_only)
{
        static const char headers[] =
            PASSWORD "Content-Type: application/json\r\nContent-Length: 22\r\n";

        from.conf.kind = SERVER_INET;
        from.conf.username = "ann";
        from.conf.password = "s3cret";
        cr_expect_eq(tcp_say("POST", "/v1/upgrade", headers, "{\"binary\":\"/bin/true\"}"), 403);
        cr_expect(has("may name a binary"));
}

/* The same as over XML-RPC. */
Test(rest, obeys_on_tcp_without_a_password_all_but_web_pages)
{
        from.conf.kind = SERVER_INET;
        cr_expect_eq(tcp_ask("GET", ""), 200);
        cr_expect_eq(tcp_ask("POST", ""), 400);
        cr_expect_eq(tcp_ask("GET", "Host: evil.example\r\n"), 403);
        cr_expect_eq(
            tcp_ask("POST", "Content-Type: application/json\r\nOrigin: http://evil.example\r\n"),
            403);
        cr_expect_eq(kernel.child_count, 0);
        cr_expect_eq(tcp_ask("POST", "Content-Type: application/json\r\n"), 200);
        cr_expect_eq(kernel.child_count, 1);
}

Test(rest, takes_any_type_of_body_on_a_unix_socket)
{
        cr_expect_eq(tcp_ask("POST", "Content-Type: application/x-www-form-urlencoded\r\n"), 200);
}

/* ---- the configuration, group by group */

Test(rest, takes_groups_into_service_and_out_of_it)
{
        cr_expect_eq(post("/v1/config/reread", ""), 200);
        cr_expect(has("{\"added\":[],\"changed\":[],\"removed\":[]}"));
        write_config("[program:new]\ncommand=/bin/cat\nautostart=false\nstartsecs=0\n"
                     "stdout_logfile=NONE\nstderr_logfile=NONE\n");
        cr_expect_eq(post("/v1/groups/new/add", ""), 404, "it was not read yet");
        cr_expect_eq(post("/v1/config/reread", ""), 200);
        cr_expect(has("{\"added\":[\"new\"],\"changed\":[],\"removed\":[]}"));
        cr_expect_eq(ask("GET", "/v1/processes/new", ""), 404);
        cr_expect_eq(ask("GET", "/v1/config/processes", ""), 200);
        cr_expect(has("{\"name\":\"new\",\"group\":\"new\",\"inuse\":false,\"autostart\":false,"
                      "\"group_prio\":999,\"process_prio\":999,\"command\":\"/bin/cat\""));
        cr_expect(has("{\"name\":\"web_00\",\"group\":\"web\",\"inuse\":true,"));
        cr_expect_eq(post("/v1/groups/new/add", ""), 200);
        cr_expect(has("{\"group\":\"new\"}"));
        cr_expect_eq(post("/v1/groups/new/add", ""), 409);
        cr_expect(has("ALREADY_ADDED"));
        post("/v1/processes/new/start", "");
        cr_expect_eq(post("/v1/groups/new/remove", ""), 409);
        cr_expect(has("STILL_RUNNING"));
        post("/v1/processes/new/stop", "");
        cr_expect_eq(post("/v1/groups/new/remove", ""), 200);
        cr_expect_eq(post("/v1/groups/new/remove", ""), 404);
        cr_expect(has("\"detail\":\"new\",\"code\":\"BAD_NAME\""));
}

Test(rest, reads_no_configuration_that_is_wrong)
{
        write_config("[program:new]\nautostart=perhaps\n");
        cr_expect_eq(post("/v1/config/reread", ""), 422);
        cr_expect(has("CANT_REREAD") && has("\"errors\":[{\"file\""));
        cr_expect_eq(post("/v1/restart", ""), 422);
        cr_expect_eq(post("/v1/processes/cat/start", ""), 200);
}

static void end_ignore(struct supervisor *s)
{
        (void)s;
}

Test(rest, ends_once_and_says_what_clients_ask_for)
{
        startup_of(&sup)->on_end = end_ignore;
        cr_expect_eq(ask("GET", "/v1/info", ""), 200);
        cr_expect(has("\"supervisor_version\":\"4.2.5\""));
        cr_expect(has("\"rpc_version\":null"), "there is no [rpcinterface:supervisor]");
        cr_expect_eq(post("/v1/shutdown", ""), 202);
        cr_expect(has("{\"state\":\"SHUTDOWN\"}"));
        cr_expect_eq(post("/v1/shutdown", ""), 503);
        cr_expect(has("SHUTDOWN_STATE"));
        cr_expect_eq(ask("GET", "/v1/config/processes", ""), 503);
}

/* ---- logs */

static void write_log(const char *data)
{
        char path[128];

        snprintf(path, sizeof path, "%s/cat.log", dir);
        FILE *f = fopen(path, "w");
        fputs(data, f);
        fclose(f);
}

Test(rest, reads_the_file_of_a_log_alone)
{
        write_log("one\ntwo\nthree\n");
        cr_expect_eq(ask("GET", "/v1/logs/cat/stdout?rotated=0&tail=6", ""), 200);
        cr_expect(has("X-Log-Offset: 8\r\n"), "counted in the file");
        cr_expect(has("\r\n\r\nthree\n"));
        cr_expect_eq(ask("GET", "/v1/logs/cat/stdout?rotated=0", ""), 200);
        cr_expect(has("X-Log-Offset: 0\r\n"));
        cr_expect_eq(ask("GET", "/v1/logs/cat/stdout?rotated=no", ""), 400);
        cr_expect(has("rotated has to be 0 or 1"));
}

Test(rest, reads_logs_by_offset_tail_and_lines)
{
        cr_expect_eq(ask("GET", "/v1/logs/cat/stdout", ""), 404);
        cr_expect(has("NO_FILE"));
        write_log("one\ntwo\nthree\n"); /* 14 bytes that the stream did not write */
        cr_expect_eq(ask("GET", "/v1/logs/cat/stdout", ""), 200);
        cr_expect(has("X-Log-Offset: -14\r\n"));
        cr_expect(has("Content-Type: application/octet-stream\r\n"));
        cr_expect(has("\r\n\r\none\ntwo\nthree\n"));
        cr_expect_eq(ask("GET", "/v1/logs/cat/stdout?tail=3", ""), 200);
        cr_expect(has("X-Log-Offset: -3\r\n"));
        cr_expect(has("\r\n\r\nee\n"));
        cr_expect_eq(ask("GET", "/v1/logs/cat/stdout?lines=2", ""), 200);
        cr_expect(has("X-Log-Offset: -10\r\n"));
        cr_expect(has("\r\n\r\ntwo\nthree\n"));
        cr_expect_eq(ask("GET", "/v1/logs/cat/stdout?offset=-10", ""), 200);
        cr_expect(has("\r\n\r\ntwo\nthree\n"));
        cr_expect_eq(ask("GET", "/v1/logs/cat/stdout?offset=5", ""), 200);
        cr_expect(has("X-Log-Offset: 0\r\n") && has("\r\nContent-Length: 0\r\n"));
        cr_expect_eq(ask("GET", "/v1/logs/cat/stdout?tail=x", ""), 400);
        cr_expect_eq(ask("GET", "/v1/logs/cat/stdout?tail=1&lines=1", ""), 400);
        cr_expect_eq(ask("GET", "/v1/logs/cat/stderr", ""), 404);
        cr_expect_eq(ask("GET", "/v1/logs/nosuch/stdout", ""), 404);
        cr_expect(has("BAD_NAME"));
        cr_expect_eq(ask("GET", "/v1/logs/main", ""), 404);
}

Test(rest, counts_log_offsets_from_the_streams_beginning)
{
        write_log("of an earlier life\n");
        post("/v1/processes/cat/start", "");
        pid_t pid = kernel_newest(&kernel)->pid;
        cr_assert(kernel_say(&kernel, pid, 1, "hello\n"));
        for (int i = 0; i < 1000 && !has("\"written\":6"); i++)
                ask("GET", "/v1/processes/cat", "");
        cr_expect(has("\"read\":6,\"written\":6,\"dropped\":0"));
        cr_expect_eq(ask("GET", "/v1/logs/cat/stdout?offset=0", ""), 200);
        cr_expect(has("X-Log-Offset: 0\r\n"));
        cr_expect(has("\r\n\r\nhello\n"));
        cr_expect_eq(ask("GET", "/v1/logs/cat/stdout?offset=4&follow=1", ""), 200);
        cr_expect(has("X-Log-Offset: 4\r\n"));
        cr_expect(has("2\r\no\n\r\n"));
}

Test(rest, follows_a_log)
{
        char path[128];

        write_log("one\ntwo\n");
        snprintf(path, sizeof path, "%s/cat.log", dir);
        cr_expect_eq(ask("GET", "/v1/logs/cat/stdout?follow=1&lines=1", ""), 200);
        cr_expect(has("X-Log-Offset: -4\r\n"));
        cr_expect(has("4\r\ntwo\n\r\n"));
        FILE *f = fopen(path, "a");
        fputs("three\n", f);
        fclose(f);
        cr_expect(hear());
        cr_expect(has("6\r\nthree\n\r\n"));
        connect_one();
        cr_expect_eq(ask("GET", "/logtail/cat", ""), 200);
        cr_expect(has("Content-Type: text/plain;charset=utf-8\r\n"));
        cr_expect(has("Last-Modified: "));
        cr_expect(has("one\ntwo\nthree\n"));
        cr_assert_eq(truncate(path, 0), 0);
        f = fopen(path, "a");
        fputs("anew\n", f);
        fclose(f);
        cr_expect(hear());
        cr_expect(has("==> File truncated <==\n"));
        cr_expect(has("anew\n"));
}

Test(rest, has_no_tail_of_what_is_not_there)
{
        static const char *const missing[] = {
                "/logtail",           "/logtail/nosuch", "/logtail/cat/stderr",
                "/logtail/cat/other", "/logtail/cat",    "/mainlogtail"
        };

        for (size_t i = 0; i < sizeof missing / sizeof *missing; i++)
                cr_expect_eq(ask("GET", missing[i], ""), 404, "%s", missing[i]);
        cr_expect_eq(post("/logtail/cat", ""), 400);
        cr_expect_eq(ask("GET", "/tail.html?processname=nosuch", ""), 404);
        cr_expect_eq(ask("GET", "/tail.html?processname=cat", ""), 200);
}
