#include <criterion/criterion.h>
#include <errno.h>
#include <ev.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/http/conn.h"

/* One connection over a socket pair, and a router that records. */
static struct supervisor sup;
static struct api api;
static struct listener from;
static int client;
static struct buf heard;
static struct request *last;
static int routed, gone;
static enum right granted;
static void (*then)(struct request *r);

static void count_gone(struct request *r)
{
        (void)r;
        gone++;
}

static void answer_path(struct request *r)
{
        reply(r, 200, "text/plain", NULL, r->path, strlen(r->path));
}

static void keep_waiting(struct request *r)
{
        r->on_gone = count_gone;
}

static void record(struct request *r)
{
        routed++;
        granted = r->granted;
        last = r;
        then(r);
}

static int connect_one(void)
{
        int fds[2];

        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
        cr_assert_not_null(conn_new(&api, &from, fds[0]));
        return fds[1];
}

static void setup(void)
{
        struct err e;

        sup = (struct supervisor){ .loop = ev_loop_new(EVFLAG_AUTO) };
        cr_assert(components_init(&sup, components, &e));
        api = (struct api){ .sup = &sup,
                            .loop = sup.loop,
                            .route = record,
                            .row = route_row,
                            .place_max = PLACES_MAX };
        from = (struct listener){ .api = &api, .refs = 1 };
        heard = BUF_INIT;
        routed = gone = 0;
        then = answer_path;
        client = connect_one();
}

static void teardown(void)
{
        while (api.conns)
                conn_close(api.conns);
        cr_expect_eq(from.refs, 1, "a connection was lost");
        cr_expect_eq(api.conn_count, 0);
        close(client);
        buf_release(&heard);
        components_release(&sup);
        ev_loop_destroy(sup.loop);
}

TestSuite(conn, .init = setup, .fini = teardown);

static void spin(void)
{
        for (int i = 0; i < 20; i++)
                ev_run(sup.loop, EVRUN_NOWAIT);
}

/* Reads all that the server sends for now. Returns true when the server closed the connection. */
static bool hear(void)
{
        char data[65536];

        for (;;) {
                spin();
                ssize_t n = read(client, data, sizeof data);
                if (n < 0)
                        return errno != EAGAIN;
                if (n == 0)
                        return true;
                buf_put(&heard, data, (size_t)n);
        }
}

static void say(const char *text)
{
        cr_assert_eq(write(client, text, strlen(text)), (ssize_t)strlen(text));
}

static int count(const char *needle)
{
        int n = 0;

        for (const char *at = buf_str(&heard); (at = strstr(at, needle)); at += strlen(needle))
                n++;
        return n;
}

static bool has(const char *needle)
{
        return count(needle) > 0;
}

Test(conn, answers_and_keeps_the_connection)
{
        for (int i = 1; i <= 3; i++) {
                say("GET /a%20b?q HTTP/1.1\r\nHost: x\r\n\r\n");
                cr_expect_not(hear());
                cr_expect_eq(count("HTTP/1.1 200 OK\r\n"), i);
        }
        cr_expect_eq(count("Server: Medusa/1.12\r\n"), 3);
        cr_expect_eq(count("Content-Length: 4\r\n"), 3);
        cr_expect_eq(count("Content-Type: text/plain\r\n"), 3);
        cr_expect_eq(count("\r\n\r\n/a b"), 3);
        cr_expect_eq(count("X-Request-Id: "), 3);
        cr_expect(has("Date: "));
        cr_expect_not(has("Connection:"));
}

Test(conn, gives_back_the_request_id_unless_it_is_nonsense)
{
        say("GET / HTTP/1.1\r\nX-Request-Id: abc-1\r\n\r\n"
            "GET / HTTP/1.1\r\nX-Request-Id: two words\r\n\r\n");
        hear();
        cr_expect_eq(count("X-Request-Id: "), 2);
        cr_expect_eq(count("X-Request-Id: abc-1\r\n"), 1);
        cr_expect_not(has("two words"));
}

Test(conn, closes_when_the_client_asks_for_it)
{
        say("GET / HTTP/1.1\r\nConnection: close\r\n\r\nGET /late HTTP/1.1\r\n\r\n");
        cr_expect(hear());
        cr_expect_eq(routed, 1);
        cr_expect(has("Connection: close\r\n"));
}

Test(conn, closes_after_a_1_0_request_unless_told)
{
        say("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        cr_expect_not(hear());
        cr_expect(has("Connection: Keep-Alive\r\n"));
        say("GET / HTTP/1.0\r\n\r\n");
        cr_expect(hear());
        cr_expect_eq(routed, 2);
}

Test(conn, takes_pipelined_requests_one_after_the_other)
{
        say("GET /1 HTTP/1.1\r\n\r\n\r\n\r\nGET /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\n\r\n");
        cr_expect_not(hear());
        cr_expect_eq(routed, 3);
        const char *one = strstr(heard.data, "\r\n\r\n/1");
        const char *two = strstr(heard.data, "\r\n\r\n/2");
        const char *three = strstr(heard.data, "\r\n\r\n/3");
        cr_expect(one && two && three && one < two && two < three);
}

Test(conn, holds_the_next_request_until_the_one_before_is_answered)
{
        then = keep_waiting;
        say("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n");
        hear();
        cr_expect_eq(routed, 1);
        then = answer_path;
        reply(last, 200, "text/plain", NULL, "late", 4);
        cr_expect_eq(routed, 1, "not from within the handler that answered");
        hear();
        cr_expect_eq(routed, 2);
        cr_expect(has("late"));
        cr_expect(has("\r\n\r\n/2"));
        cr_expect_eq(gone, 0);
}

Test(conn, reads_requests_in_small_pieces)
{
        static const char text[] = "POST /p HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello";

        for (size_t i = 0; i < sizeof text - 1; i++) {
                cr_assert_eq(write(client, text + i, 1), 1);
                spin();
                cr_expect_eq(routed, i == sizeof text - 2);
        }
        hear();
        cr_expect(has("200 OK"));
}

Test(conn, tells_the_handler_when_the_client_has_left)
{
        then = keep_waiting;
        say("GET / HTTP/1.1\r\n\r\n");
        hear();
        close(client);
        spin();
        cr_expect_eq(gone, 1);
        cr_expect_null(api.conns);
        client = connect_one();
}

Test(conn, answers_a_client_that_only_closed_its_writing_side)
{
        then = keep_waiting;
        say("GET / HTTP/1.1\r\n\r\n");
        shutdown(client, SHUT_WR);
        hear();
        cr_expect_eq(gone, 0);
        reply(last, 200, "text/plain", NULL, "late", 4);
        cr_expect(hear());
        cr_expect(has("late"));
}

Test(conn, answers_all_that_was_sent_before_the_end_of_file)
{
        say("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\nGET /3 HT");
        shutdown(client, SHUT_WR);
        cr_expect(hear());
        cr_expect_eq(routed, 2);
        cr_expect_eq(count("200 OK"), 2);
}

Test(conn, forgets_clients_that_leave_in_the_middle)
{
        static const char text[] = "POST /p HTTP/1.1\r\nContent-Length: 5\r\n\r\nhel";

        for (size_t i = 0; i < sizeof text; i++) {
                cr_assert_eq(write(client, text, i), (ssize_t)i);
                spin();
                close(client);
                spin();
                cr_expect_eq(api.conn_count, 0);
                client = connect_one();
        }
        cr_expect_eq(routed, 0);
}

Test(conn, refuses_nonsense_and_closes)
{
        say("how do you do\r\n\r\n");
        cr_expect(hear());
        cr_expect(has("HTTP/1.1 400 Bad Request\r\n"));
        cr_expect(has("<p>Error code 400.\r\n<p>Message: Bad Request.\r\n"));
        cr_expect(has("Connection: close"));
        cr_expect_eq(routed, 0);
}

Test(conn, refuses_in_the_form_that_the_path_is_asked_in)
{
        say("POST /v1/reload HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n");
        cr_expect(hear());
        cr_expect_eq(count("application/problem+json"), 1);
        cr_expect_eq(count("\"code\":\"TOO_LARGE\""), 1);
}

Test(conn, refuses_paths_with_a_nul)
{
        say("GET /a%00b HTTP/1.1\r\n\r\n");
        cr_expect(hear());
        cr_expect(has("400 Bad Request"));
}

Test(conn, asks_for_the_password_before_it_reads_the_body)
{
        from.conf.username = "ann";
        from.conf.password = "s3cret";
        say("POST /v1/x HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n");
        cr_expect(hear());
        cr_expect(has("HTTP/1.1 401 Unauthorized\r\n"));
        cr_expect(has("WWW-Authenticate: Basic realm=\"default\"\r\n"));
        cr_expect(has("Connection: close\r\n"));
        cr_expect(has("\"code\":\"UNAUTHORIZED\""));
        cr_expect_eq(routed, 0);
}

Test(conn, knows_the_password_and_lets_healthz_through_without)
{
        from.conf.username = "ann";
        from.conf.password = "s3cret";
        say("GET /x HTTP/1.1\r\nAuthorization: Basic YW5uOnMzY3JldA==\r\n\r\n");
        hear();
        cr_expect_eq(routed, 1);
        cr_expect_eq(granted, RIGHT_ADMIN);
        say("GET /healthz HTTP/1.1\r\n\r\n");
        hear();
        cr_expect_eq(routed, 2);
        cr_expect_eq(granted, RIGHT_NONE);
        say("GET /x HTTP/1.1\r\nAuthorization: Basic ????\r\n\r\n");
        cr_expect(hear());
        cr_expect(has("400 Bad Request"));
        cr_expect_eq(routed, 2);
}

Test(conn, sends_100_continue_to_clients_that_wait_for_it)
{
        say("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
        hear();
        cr_expect(has("HTTP/1.1 100 Continue\r\n\r\n"));
        say("ab");
        hear();
        cr_expect(has("200 OK"));
}

static void answer_much(struct request *r)
{
        size_t len = 8u << 20;
        char *data = malloc(len);

        memset(data, 'x', len);
        reply(r, 200, "text/plain", NULL, data, len);
        free(data);
}

Test(conn, writes_a_large_answer_in_parts)
{
        then = answer_much;
        say("GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n");
        cr_expect_not(hear());
        cr_expect_eq(count("Content-Length: 8388608\r\n"), 2);
        cr_expect_gt(heard.len, 16u << 20);
}

Test(conn, leaves_out_the_body_of_a_head_request)
{
        say("HEAD /abc HTTP/1.1\r\n\r\n");
        hear();
        cr_expect(has("Content-Length: 4\r\n"));
        cr_expect_not(has("/abc"));
}

/* ---- streams */

static int drained;

static void on_drained(struct request *r)
{
        (void)r;
        drained++;
}

static void begin(struct request *r)
{
        r->on_gone = count_gone;
        drained = 0;
        cr_assert(stream_begin_reply(r, 200, "text/plain", "X-A: b\r\n"));
        stream_on_drained(r, on_drained);
}

Test(conn, streams_chunks_and_goes_on_after_the_last)
{
        then = begin;
        say("GET / HTTP/1.1\r\n\r\n");
        hear();
        cr_expect(has("Transfer-Encoding: chunked\r\n"));
        cr_expect(has("X-A: b\r\n"));
        cr_expect(stream_send(last, "hello", 5));
        cr_expect(stream_send(last, "", 0));
        hear();
        cr_expect(has("\r\n\r\n5\r\nhello\r\n"));
        cr_expect_geq(drained, 1);
        stream_end(last);
        then = answer_path;
        say("GET /next HTTP/1.1\r\n\r\n");
        cr_expect_not(hear());
        cr_expect(has("hello\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n"));
        cr_expect_eq(gone, 0);
}

Test(conn, streams_to_the_end_of_the_connection_on_1_0)
{
        then = begin;
        say("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        hear();
        stream_send(last, "hello", 5);
        stream_end(last);
        cr_expect(hear());
        cr_expect(has("\r\n\r\nhello"));
        cr_expect_not(has("chunked"));
}

Test(conn, ends_a_stream_when_its_client_leaves)
{
        then = begin;
        say("GET / HTTP/1.1\r\n\r\n\r\n");
        hear();
        cr_expect_eq(gone, 0);
        close(client);
        spin();
        cr_expect_eq(gone, 1);
        client = connect_one();
}

Test(conn, drops_a_stream_whose_reader_is_too_slow)
{
        static char data[65536];
        int sent = 0;

        then = begin;
        say("GET / HTTP/1.1\r\n\r\n");
        spin();
        while (sent < 100 && stream_send(last, data, sizeof data)) {
                sent++;
                spin();
        }
        cr_expect_geq(sent, 15);
        cr_expect_lt(sent, 100);
        cr_expect_eq(gone, 1);
        cr_expect_null(api.conns);
}

/* ---- the budget */

static int connect_and_ask(const char *text)
{
        int fd = connect_one();

        cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
        spin();
        return fd;
}

/* Is it open, and how much has come; reads all that is there. */
static bool drain(int fd, size_t *len_out)
{
        char data[65536];
        ssize_t n;

        *len_out = 0;
        do {
                spin();
                n = read(fd, data, sizeof data);
                if (n > 0)
                        *len_out += (size_t)n;
        } while (n > 0);
        return n < 0 && errno == EAGAIN;
}

Test(conn, cuts_the_oldest_unread_answer_when_the_budget_is_spent)
{
        int fds[3];
        size_t len;

        api.budget = 20u << 20;
        then = answer_much;
        for (int i = 0; i < 3; i++)
                fds[i] = connect_and_ask("GET / HTTP/1.1\r\n\r\n");
        cr_expect_leq(api.held, api.budget);
        cr_expect_not(drain(fds[0], &len), "it has waited longest");
        cr_expect_lt(len, 8u << 20);
        for (int i = 1; i < 3; i++) {
                cr_expect(drain(fds[i], &len));
                cr_expect_gt(len, 8u << 20, "%d", i);
        }
        cr_expect_lt(api.held, 1000);
        for (int i = 0; i < 3; i++)
                close(fds[i]);
}

Test(conn, cuts_no_answer_to_credentials_for_one_without)
{
        size_t len;

        api.budget = 10u << 20;
        then = answer_much;
        int mine = connect_one();
        for (struct conn *c = api.conns; c; c = c->next)
                c->trusted = c->next == NULL;
        cr_assert_eq(write(mine, "GET / HTTP/1.1\r\n\r\n", 18), 18);
        spin();
        int other = connect_and_ask("GET / HTTP/1.1\r\n\r\n");
        char answer[64] = "";
        cr_assert_gt(read(other, answer, sizeof answer - 1), 12);
        cr_expect_eq(atoi(answer + 9), 503);
        cr_expect(drain(mine, &len));
        cr_expect_gt(len, 8u << 20);
        close(mine);
        close(other);
}

Test(conn, answers_with_a_little_whatever_is_spent)
{
        api.budget = 1;
        say("GET /little HTTP/1.1\r\n\r\n");
        hear();
        cr_expect(has("200 OK"));
}

Test(conn, cuts_unfinished_bodies_when_the_budget_is_spent)
{
        static char piece[60000];
        static const char head[] = "POST /RPC2 HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n";
        int fds[4];

        memset(piece, 'x', sizeof piece);
        api.budget = 150000;
        for (int i = 0; i < 4; i++) {
                fds[i] = connect_and_ask(head);
                cr_assert_eq(write(fds[i], piece, sizeof piece), (ssize_t)sizeof piece);
                spin();
                cr_expect_leq(api.held, api.budget);
        }
        size_t len;
        cr_expect_not(drain(fds[0], &len));
        cr_expect(drain(fds[3], &len));
        for (int i = 0; i < 4; i++)
                close(fds[i]);
        spin();
        cr_expect_lt(api.held, 1000);
}

/* ---- ends */

Test(conn, finishes_what_is_under_way_when_the_daemon_ends)
{
        then = keep_waiting;
        say("GET / HTTP/1.1\r\n\r\n");
        hear();
        conn_end(api.conns);
        cr_expect_eq(gone, 1);
        cr_expect(hear());
        cr_expect(has("503 Service Unavailable"));
}

Test(conn, ends_streams_properly_when_the_daemon_ends)
{
        then = begin;
        say("GET / HTTP/1.1\r\n\r\n");
        hear();
        stream_send(last, "bye", 3);
        conn_end(api.conns);
        cr_expect_eq(gone, 1);
        cr_expect(hear());
        cr_expect(has("3\r\nbye\r\n0\r\n\r\n"));
}

Test(conn, retires_after_the_present_answer)
{
        then = keep_waiting;
        say("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n");
        hear();
        conn_retire(api.conns);
        reply(last, 200, "text/plain", NULL, "x", 1);
        cr_expect(hear());
        cr_expect_eq(routed, 1);
        close(client);
        spin();
        client = connect_one();
        conn_retire(api.conns);
        cr_expect(hear());
}

/* With the loop's clock far ahead the timers fire as if the time had passed. */
static void wait_s(double seconds)
{
        ev_suspend(sup.loop);
        ev_resume(sup.loop);
        for (struct conn *c = api.conns; c; c = c->next)
                if (ev_is_active(&c->limit) && ev_timer_remaining(sup.loop, &c->limit) <= seconds)
                        ev_feed_event(sup.loop, &c->limit, EV_TIMER);
        spin();
}

Test(conn, cuts_off_a_request_that_does_not_come_to_its_end)
{
        say("GET / HTTP/1.1\r\nX-Slow: ");
        hear();
        wait_s(59);
        cr_expect_eq(heard.len, 0);
        say("a");
        hear();
        wait_s(61);
        cr_expect(hear());
        cr_expect(has("408 Request Timeout"));
}

Test(conn, waits_for_a_handler_as_long_as_it_takes)
{
        then = keep_waiting;
        say("GET / HTTP/1.1\r\n\r\n");
        hear();
        cr_expect_not(ev_is_active(&api.conns->limit));
        wait_s(100000);
        cr_expect_eq(gone, 0);
}

Test(conn, closes_what_is_idle_for_ten_minutes)
{
        say("GET / HTTP/1.1\r\n\r\n");
        hear();
        wait_s(599);
        cr_expect_not(hear());
        wait_s(601);
        cr_expect(hear());
}

Test(conn, lets_a_wrong_password_wait_and_a_right_one_not)
{
        from.conf.username = "ann";
        from.conf.password = "s3cret";
        for (int i = 1; i <= 3; i++) {
                buf_reset(&heard);
                say("GET /x HTTP/1.1\r\nAuthorization: Basic YW5uOndyb25n\r\n\r\n");
                cr_expect_not(hear());
                cr_expect_eq(heard.len, 0);
                int other = connect_and_ask(
                    "GET /x HTTP/1.1\r\nAuthorization: Basic YW5uOnMzY3JldA==\r\n\r\n");
                cr_expect_eq(routed, i, "others do not wait");
                close(other);
                wait_s(i - 0.5);
                cr_expect_not(hear());
                wait_s(i + 0.5);
                cr_expect(hear());
                cr_expect(has("401 Unauthorized"));
                close(client);
                spin();
                client = connect_one();
        }
}
