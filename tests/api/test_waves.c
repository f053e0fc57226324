/* One request starts many processes. A client that asks for something else meanwhile gets its
 * answer. */
#include <criterion/criterion.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../fakes/kernel.h"
#include "../fakes/world.h"
#include "api/http/conn.h"
#include "api/rest/events.h"
#include "engine/order/operations.h"
#include "engine/run/reaper.h"

#define MANY 100

static struct supervisor sup;
static struct fake_kernel kernel;
static bool (*quick_spawn)(struct sys *, const struct launch *, struct spawned *);
static struct fake_world host;
static struct ev_loop *loop;
static struct api api;
static struct listener from;

static struct client {
        int fd;
        struct buf heard;
} starter, other;

static const char text[] = "[supervisord]\n"
                           "[rpcinterface:supervisor]\n"
                           "supervisor.rpcinterface_factory = "
                           "supervisor.rpcinterface:make_main_rpcinterface\n"
                           "[program:w]\n"
                           "command=/bin/cat\n"
                           "process_name=w%(process_num)02d\n"
                           "numprocs=100\n"
                           "startsecs=0\n"
                           "autostart=false\n"
                           "stdout_logfile=NONE\n"
                           "stderr_logfile=NONE\n";

/* A start takes a millisecond: no slice has more than one. */
static bool slow_spawn(struct sys *sys, const struct launch *l, struct spawned *out)
{
        int64_t begun_ms = clock_mono_ms();

        while (clock_mono_ms() - begun_ms < 2)
                ;
        return quick_spawn(sys, l, out);
}

static void connect_one(struct client *c)
{
        int fds[2];

        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
        cr_assert_not_null(conn_new(&api, &from, fds[0]));
        *c = (struct client){ .fd = fds[1] };
}

static void setup(void)
{
        struct diags diags = { 0 };
        struct err e = { 0 };

        kernel_init(&kernel);
        quick_spawn = kernel.ops.spawn;
        kernel.ops.spawn = slow_spawn;
        fake_world_init(&host);
        fake_world_dir(&host, "/tmp");
        fake_world_file(&host, "/etc/s.conf", text);
        struct config *c = config_load("/etc/s.conf", WANT_DAEMON, NULL, 0, &host.ops, &diags);
        diags_release(&diags);
        loop = ev_loop_new(EVFLAG_AUTO);
        cr_assert(
            c && supervisor_init(&sup, components, loop, &kernel.ops, &host.ops, NULL, c, &e) &&
                supervisor_add_all(&sup, &e),
            "%s", e.text);
        supervisor_begin(&sup);
        api = (struct api){
                .sup = &sup, .loop = loop, .route = route, .row = route_row, .place_max = 10
        };
        api.events = events_new(&sup, 1);
        from = (struct listener){ .api = &api, .refs = 1, .conf.kind = SERVER_UNIX };
        connect_one(&starter);
        connect_one(&other);
}

static void close_client(struct client *c)
{
        if (c->fd >= 0)
                close(c->fd);
        c->fd = -1;
        buf_release(&c->heard);
}

static void teardown(void)
{
        while (api.conns)
                conn_close(api.conns);
        events_free(api.events);
        supervisor_release(&sup);
        kernel_release(&kernel);
        fake_world_release(&host);
        close_client(&starter);
        close_client(&other);
        ev_loop_destroy(loop);
}

TestSuite(many_starts, .init = setup, .fini = teardown, .timeout = 60);

static void say(struct client *c, const char *method, const char *path, const char *body)
{
        char request[1024];
        int n =
            snprintf(request, sizeof request,
                     "%s %s HTTP/1.1\r\nContent-Type: text/xml\r\nContent-Length: %zu\r\n\r\n%s",
                     method, path, strlen(body), body);

        cr_assert_eq(write(c->fd, request, (size_t)n), n);
}

/* A turn of the loop. Whether this client has heard something by now. */
static bool turn(struct client *c)
{
        char data[65536];
        ssize_t n;

        ev_run(loop, EVRUN_NOWAIT);
        while ((n = read(c->fd, data, sizeof data)) > 0)
                buf_put(&c->heard, data, (size_t)n);
        return c->heard.len > 0;
}

static void expect_others_are_answered(const char *path, const char *body)
{
        say(&starter, "POST", path, body);
        while (!*(void **)component_own(&sup, COMPONENT_operations))
                turn(&starter);
        cr_expect_eq(kernel.child_count, OPERATION_AT_ONCE);
        say(&other, "GET", "/v1/processes/w:w99", "");
        while (!turn(&other))
                ;
        cr_expect(strstr(buf_str(&other.heard), "\"state\":\"STOPPED\""), "%s",
                  buf_str(&other.heard));
        cr_expect_lt(kernel.child_count, MANY);
        cr_expect_not(turn(&starter));
        while (!turn(&starter))
                ;
        cr_expect_eq(kernel.child_count, MANY);
        const char *at = buf_str(&starter.heard);
        for (int i = 0; i < MANY; i++) {
                char name[16];
                snprintf(name, sizeof name, "w%02d", i);
                at = strstr(at, name);
                cr_assert(at, "%s has its answer after those before it", name);
        }
}

#define CALL(name, params)                                                        \
        "<methodCall><methodName>supervisor." name "</methodName><params>" params \
        "</params></methodCall>"
#define GROUP     "<param><value><string>w</string></value></param>"
#define DONT_WAIT "<param><value><boolean>0</boolean></value></param>"

Test(many_starts, let_others_have_answers_while_all_start)
{
        expect_others_are_answered("/RPC2", CALL("startAllProcesses", ""));
}

Test(many_starts, let_others_have_answers_while_a_group_starts)
{
        expect_others_are_answered("/RPC2", CALL("startProcessGroup", GROUP DONT_WAIT));
}

Test(many_starts, let_others_have_answers_while_a_pattern_starts)
{
        expect_others_are_answered("/v1/processes/all/start", "{}");
}

Test(many_starts, let_other_clients_have_answers_while_starts_are_not_waited_for)
{
        expect_others_are_answered("/v1/processes/w:*/start", "{\"wait\": false}");
}

Test(many_starts, start_every_process_also_when_the_client_has_hung_up)
{
        static const char *const paths[] = { "/RPC2", "/v1/processes/all/start" };
        const char *bodies[] = { CALL("startAllProcesses", ""), "{}" };

        for (int i = 0; i < 2; i++) {
                say(&starter, "POST", paths[i], bodies[i]);
                while (!*(void **)component_own(&sup, COMPONENT_operations))
                        turn(&starter);
                close_client(&starter);
                while (*(void **)component_own(&sup, COMPONENT_operations))
                        turn(&other);
                cr_expect_eq(kernel.child_count, (size_t)(i + 1) * MANY);
                for (int k = 0; k < MANY; k++)
                        kernel_end(&kernel, kernel.children[i * MANY + k]->pid, KERNEL_EXITED(0));
                reaper_drain(&sup);
                turn(&other);
                connect_one(&starter);
        }
}
