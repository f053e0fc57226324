#include <criterion/criterion.h>
#include <errno.h>
#include <ev.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/http/conn.h"
#include "api/rest/events.h"
#include "engine/core/bus.h"

Test(events, resumes_after_the_last_event_that_the_client_saw)
{
        struct resume r = events_resume("ab.7", 0xab, 1, 10);

        cr_expect_not(r.gap);
        cr_expect_eq(r.after, 7);
        r = events_resume("ab.10", 0xab, 1, 10);
        cr_expect_not(r.gap);
        cr_expect_eq(r.after, 10);
        r = events_resume("ab.0", 0xab, 1, 0);
        cr_expect_not(r.gap);
        cr_expect_eq(r.after, 0);
}

Test(events, counts_events_that_are_not_stored_any_more)
{
        struct resume r = events_resume("ab.2", 0xab, 5, 10);

        cr_expect(r.gap && r.counted);
        cr_expect_eq(r.missed, 2); /* 3 and 4 */
        cr_expect_eq(r.after, 4);
        r = events_resume("ab.4", 0xab, 5, 10);
        cr_expect_not(r.gap);
        cr_expect_eq(r.after, 4);
}

Test(events, gives_all_it_has_to_a_client_of_another_life)
{
        static const char *const foreign[] = { "cd.3", "ab.11", "ab",    "ab.", "",
                                               "ab.x", ".3",    "ab.3x", "xyz" };

        for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
                struct resume r = events_resume(foreign[i], 0xab, 5, 10);
                cr_expect(r.gap && !r.counted, "%s", foreign[i]);
                cr_expect_eq(r.after, 4);
        }
}

/* ---- over a connection */

static struct supervisor sup;
static struct api api;
static struct listener from;
static int client = -1;
static struct buf heard;

static void setup(void)
{
        struct err e;

        sup = (struct supervisor){ .loop = ev_loop_new(EVFLAG_AUTO) };
        cr_assert(components_init(&sup, components, &e));
        api = (struct api){ .sup = &sup,
                            .loop = sup.loop,
                            .route = events_handle,
                            .row = route_row,
                            .place_max = 10,
                            .instance = 0xab };
        from = (struct listener){ .api = &api, .refs = 1 };
        api.events = events_new(&sup, 0xab);
        cr_assert_not_null(api.events);
        heard = BUF_INIT;
}

static void teardown(void)
{
        while (api.conns)
                conn_close(api.conns);
        events_free(api.events);
        cr_expect_null(sup.bus.first);
        if (client >= 0)
                close(client);
        buf_release(&heard);
        components_release(&sup);
        ev_loop_destroy(sup.loop);
}

TestSuite(event_stream, .init = setup, .fini = teardown);

static void hear(void)
{
        char data[65536];
        ssize_t n;

        buf_reset(&heard);
        do {
                for (int i = 0; i < 10; i++)
                        ev_run(sup.loop, EVRUN_NOWAIT);
                n = read(client, data, sizeof data);
                if (n > 0)
                        buf_put(&heard, data, (size_t)n);
        } while (n > 0);
}

static void ask(const char *query, const char *last_id)
{
        char text[512];
        int fds[2];

        if (client >= 0)
                close(client);
        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
        cr_assert_not_null(conn_new(&api, &from, fds[0]));
        client = fds[1];
        snprintf(text, sizeof text, "GET /v1/events%s HTTP/1.1\r\n%s%s%s\r\n", query,
                 last_id ? "Last-Event-ID: " : "", last_id ? last_id : "", last_id ? "\r\n" : "");
        cr_assert_eq(write(client, text, strlen(text)), (ssize_t)strlen(text));
        hear();
}

static void scaled_at(int to, int64_t mono_ms)
{
        struct event e = { .type = EV_SCALED,
                           .at = { mono_ms, 1700000000123 },
                           .name = "web",
                           .was = 1,
                           .now = to,
                           .by = "operator" };
        bus_publish(&sup.bus, &e);
}

static void scaled(int to)
{
        scaled_at(to, 0);
}

static void daemon_state(void)
{
        struct event e = { .type = EV_SUPERVISOR_STATE_CHANGE_RUNNING, .at = { 0, 1000 } };

        bus_publish(&sup.bus, &e);
}

static bool has(const char *text)
{
        return strstr(buf_str(&heard), text) != NULL;
}

Test(event_stream, sends_events_as_they_happen)
{
        ask("", NULL);
        cr_expect(has("Content-Type: text/event-stream\r\n"));
        scaled(3);
        hear();
        cr_expect(has("id: ab.1\nevent: program.scaled\ndata: {\"seq\":1,"
                      "\"at\":\"2023-11-14T22:13:20.123Z\",\"type\":\"program.scaled\","
                      "\"program\":\"web\",\"was\":1,\"replicas\":3,\"by\":\"operator\"}\n\n"));
}

Test(event_stream, does_not_send_what_was_before_unless_asked)
{
        ask("", NULL);
        scaled(2);
        ask("", NULL);
        cr_expect_not(has("program.scaled"));
        ask("", "ab.0");
        cr_expect(has("id: ab.1\n"));
        cr_expect_not(has("stream.gap"));
}

Test(event_stream, stores_nothing_before_the_first_subscriber_but_counts_it)
{
        scaled(2);
        scaled(3);
        ask("", "ab.0");
        cr_expect(has("id: ab.2\nevent: stream.gap\n"));
        cr_expect(has("\"missed\":2}"));
        cr_expect_not(has("program.scaled"));
        scaled(4);
        hear();
        cr_expect(has("id: ab.3\n"));
}

Test(event_stream, forgets_when_there_was_no_subscriber_for_long)
{
        int64_t now_ms = clock_now().mono_ms;

        ask("", NULL);
        close(client);
        client = -1;
        hear();
        cr_assert_null(api.conns);
        scaled_at(2, now_ms + EVENTS_AWAY_MS - 1000);
        ask("", "ab.0");
        cr_expect(has("id: ab.1\n"), "still stored");
        close(client);
        client = -1;
        hear();
        scaled_at(3, now_ms + 2 * EVENTS_AWAY_MS);
        ask("", "ab.1");
        cr_expect(has("\"missed\":1}"));
        cr_expect_not(has("program.scaled"));
}

Test(event_stream, refuses_types_that_no_event_has)
{
        ask("?types=process.state,BOGUS", NULL);
        cr_expect(has("HTTP/1.1 400 "));
        cr_expect(has("no event is called 'BOGUS'"));
        cr_expect(has("process.health"), "says what there is");
        ask("?types=procss.*", NULL);
        cr_expect(has("'procss.*'"));
        ask("?types=stream.gap,,config.*", NULL);
        cr_expect(has("HTTP/1.1 200 "));
}

Test(event_stream, sends_only_the_types_that_were_asked_for)
{
        ask("?types=supervisor.*,process.*", NULL);
        scaled(2);
        daemon_state();
        hear();
        cr_expect_not(has("program.scaled"));
        cr_expect(has("id: ab.2\nevent: supervisor.state\n"), "numbers count before filtering");
}

Test(event_stream, keeps_a_bounded_history_and_tells_of_the_gap)
{
        ask("?types=stream.gap", NULL);
        for (int i = 0; i < EVENTS_STORED + 10; i++)
                scaled(i);
        ask("", "ab.3");
        cr_expect(has("id: ab.10\nevent: stream.gap\ndata: {\"seq\":10,"));
        cr_expect(has("\"missed\":7}"));
        cr_expect(has("id: ab.11\n"));
        cr_expect(has("id: ab.1034\n"));
        cr_expect_not(has("id: ab.9\n"));
}

Test(event_stream, tells_a_client_of_an_earlier_life_that_something_is_missing)
{
        ask("", NULL);
        scaled(1);
        ask("", "cd.99");
        cr_expect(has("id: ab.0\nevent: stream.gap\n"));
        cr_expect(has("\"missed\":null}"));
        cr_expect(has("id: ab.1\n"));
}

Test(event_stream, ignores_events_that_the_api_does_not_know)
{
        struct event tick = { .type = EV_TICK_5 };

        ask("", NULL);
        bus_publish(&sup.bus, &tick);
        daemon_state();
        hear();
        cr_expect(has("id: ab.1\nevent: supervisor.state\n"));
}

Test(event_stream, drops_a_client_that_does_not_read)
{
        ask("", NULL);
        for (int i = 0; i < 20000 && api.conns; i++)
                scaled(i);
        cr_expect_null(api.conns);
        scaled(1);
}
