#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/watch/probe_kinds.h"
#include "probe_rig.h"

static struct probe_rig rig;

static bool is_well(struct probe_rig *r)
{
        return probe_rig_last(r).ok;
}

/* A server in the same loop that gives every caller the same answer. */
static struct {
        int fd, peer;
        ev_io accepting, reading;
        const char *answer;
        bool keeps_open, hangs_up, is_mute;
        char request[4096];
        size_t seen;
} server;

TestSuite(probe_net, .timeout = 30);

static void on_request(EV_P_ ev_io *w, int revents)
{
        ssize_t n = recv(w->fd, server.request + server.seen,
                         sizeof server.request - 1 - server.seen, MSG_DONTWAIT);

        (void)revents;
        if (n > 0)
                server.seen += (size_t)n;
        server.request[server.seen] = '\0';
        if (n > 0 && !strstr(server.request, "\r\n\r\n"))
                return;
        if (n > 0 && server.is_mute)
                return;
        if (n > 0)
                cr_assert_eq(send(w->fd, server.answer, strlen(server.answer), MSG_NOSIGNAL),
                             (ssize_t)strlen(server.answer));
        if (n > 0 && server.keeps_open)
                return;
        ev_io_stop(EV_A_ w);
        close(w->fd);
        server.peer = -1;
}

static void on_caller(EV_P_ ev_io *w, int revents)
{
        int fd = accept(w->fd, NULL, NULL);

        (void)revents;
        if (fd < 0)
                return;
        if (server.peer >= 0) {
                ev_io_stop(EV_A_ & server.reading);
                close(server.peer);
        }
        server.peer = -1;
        if (server.hangs_up || !server.answer) {
                close(fd);
                return;
        }
        server.peer = fd;
        server.seen = 0;
        ev_io_init(&server.reading, on_request, fd, EV_READ);
        ev_io_start(EV_A_ & server.reading);
}

static int bound(int family, const void *sa, socklen_t len)
{
        int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || bind(fd, sa, len) < 0 || listen(fd, 8) < 0) {
                if (fd >= 0)
                        close(fd);
                return -1;
        }
        return fd;
}

static int listen_v4(int *port)
{
        struct sockaddr_in sa = { .sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t len = sizeof sa;
        int fd = bound(AF_INET, &sa, sizeof sa);

        cr_assert_geq(fd, 0);
        cr_assert_eq(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
        *port = ntohs(sa.sin_port);
        return fd;
}

static int listen_v6(int *port)
{
        struct sockaddr_in6 sa = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
        socklen_t len = sizeof sa;
        int fd = bound(AF_INET6, &sa, sizeof sa);

        if (fd >= 0 && getsockname(fd, (struct sockaddr *)&sa, &len) == 0)
                *port = ntohs(sa.sin6_port);
        return fd;
}

static void begin(enum check_kind kind, const char *format, int port)
{
        char target[256];

        snprintf(target, sizeof target, format, port);
        probe_rig_init(&rig, kind, target);
}

static void serve(int fd, const char *answer)
{
        server.fd = fd;
        server.peer = -1;
        server.answer = answer;
        ev_io_init(&server.accepting, on_caller, fd, EV_READ);
        ev_io_start(rig.s.loop, &server.accepting);
}

static void finish(void)
{
        probe_end(rig.process->worker);
        if (server.peer >= 0) {
                ev_io_stop(rig.s.loop, &server.reading);
                close(server.peer);
        }
        if (server.fd > 0) {
                ev_io_stop(rig.s.loop, &server.accepting);
                close(server.fd);
        }
        memset(&server, 0, sizeof server);
        probe_rig_release(&rig);
}

/* One http probe against a server that answers so. */
static void answered(const char *answer, bool ok, const char *output)
{
        int port, fd = listen_v4(&port);

        begin(CHECK_HTTP, "127.0.0.1:%d/health", port);
        serve(fd, answer);
        probe_rig_expect(&rig, ok, output);
        finish();
}

/* ---- tcp and unix */

Test(probe_net, takes_an_accepted_connection_for_well)
{
        int port, fd = listen_v4(&port);

        begin(CHECK_TCP, "127.0.0.1:%d", port);
        serve(fd, NULL);
        probe_rig_expect(&rig, true, "");
        finish();
}

Test(probe_net, says_what_was_refused)
{
        int port, fd = listen_v4(&port);
        char want[128];

        close(fd);
        begin(CHECK_TCP, "127.0.0.1:%d", port);
        snprintf(want, sizeof want, "connect to 127.0.0.1:%d: Connection refused", port);
        probe_rig_expect(&rig, false, want);
        finish();
}

Test(probe_net, tries_both_loopback_addresses_for_localhost)
{
        int port, fd = listen_v6(&port);

        if (fd < 0)
                cr_skip("no IPv6 here");
        begin(CHECK_TCP, "LocalHost:%d", port);
        serve(fd, NULL);
        probe_rig_expect(&rig, true, "");
        finish();
}

Test(probe_net, speaks_ipv6)
{
        int port, fd = listen_v6(&port);

        if (fd < 0)
                cr_skip("no IPv6 here");
        begin(CHECK_HTTP, "[::1]:%d/", port);
        serve(fd, "HTTP/1.1 204 No Content\r\n\r\n");
        probe_rig_expect(&rig, true, "");
        cr_expect(strstr(server.request, "Host: [::1]:"));
        finish();
}

Test(probe_net, never_looks_a_name_up)
{
        begin(CHECK_TCP, "db.example:%d", 5432);
        probe_rig_expect(
            &rig, false,
            "healthcheck 'db.example:5432': the host was not found when the configuration "
            "was read; read it again, or use an address");
        finish();
}

Test(probe_net, connects_to_unix_sockets)
{
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        char target[128];

        begin(CHECK_UNIX, "/tmp/absent-%d", (int)getpid());
        snprintf(target, sizeof target, "connect to /tmp/absent-%d: No such file or directory",
                 (int)getpid());
        probe_rig_expect(&rig, false, target);
        snprintf(target, sizeof target, "%s/sock", rig.dir);
        strcpy(sa.sun_path, target);
        free(rig.program->healthcheck.target);
        rig.program->healthcheck.target = strdup(target);
        serve(bound(AF_UNIX, &sa, sizeof sa), NULL);
        probe_rig_expect(&rig, true, "");
        finish();
}

/* ---- http */

Test(probe_net, asks_politely)
{
        int port, fd = listen_v4(&port);
        char want[256];

        begin(CHECK_HTTP, "127.0.0.1:%d/a/b?c=d&e#f", port);
        serve(fd, "HTTP/1.1 200 OK\r\n\r\n");
        probe_rig_expect(&rig, true, "");
        snprintf(want, sizeof want, "GET /a/b?c=d&e HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n", port);
        cr_expect_eq(strncmp(server.request, want, strlen(want)), 0, "%s", server.request);
        cr_expect(strstr(server.request, "\r\nConnection: close\r\n"));
        finish();
}

Test(probe_net, takes_2xx_and_3xx_for_well)
{
        answered("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nup\n", true, "up\n");
        answered("HTTP/1.0 200 OK\r\n\r\nto the end", true, "to the end");
        answered("HTTP/1.1 204 No Content\r\n\r\n", true, "");
        answered("HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n", true, "");
        answered("HTTP/1.1 200\r\n\r\n", true, "");
        answered("HTTP/1.1 399 X\r\n\r\n", true, "");
}

Test(probe_net, takes_everything_else_for_ill)
{
        answered("HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy", false,
                 "HTTP status 503\nbusy");
        answered("HTTP/1.1 404 Not Found\r\n\r\n", false, "HTTP status 404");
        answered("HTTP/1.1 400 X\r\n\r\n", false, "HTTP status 400");
        answered("HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", false,
                 "HTTP status 101");
}

Test(probe_net, unwraps_chunks)
{
        answered("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n",
                 true, "hello!");
}

Test(probe_net, waits_for_the_answer_behind_an_interim_one)
{
        answered("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
                 "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
                 false, "HTTP status 500");
}

Test(probe_net, keeps_the_first_kibibyte_of_a_body)
{
        char answer[4000] = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n";
        size_t head = strlen(answer);
        int port, fd = listen_v4(&port);

        memset(answer + head, 'b', sizeof answer - head - 1);
        begin(CHECK_HTTP, "127.0.0.1:%d/", port);
        serve(fd, answer);
        server.keeps_open = true;
        struct probe_last last = probe_rig_ask(&rig);
        cr_expect(last.ok);
        cr_expect_eq(last.output_len, 1024);
        finish();
}

static struct probe_last ask_within(const char *answer, bool mute, bool hangs_up)
{
        int port, fd = listen_v4(&port);

        begin(CHECK_HTTP, "127.0.0.1:%d/", port);
        rig.program->healthcheck_timeout_ms = 150;
        serve(fd, answer);
        server.keeps_open = !hangs_up;
        server.is_mute = mute;
        server.hangs_up = hangs_up;
        return probe_rig_ask(&rig);
}

Test(probe_net, times_out_when_nothing_is_answered)
{
        struct probe_last last = ask_within("", true, false);

        cr_expect_not(last.ok);
        cr_expect_str_eq(last.output, "timed out after 150ms");
        finish();
        last = ask_within("HTTP/1.1 20", false, false);
        cr_expect_not(last.ok);
        cr_expect_str_eq(last.output, "timed out after 150ms");
        finish();
}

Test(probe_net, goes_by_the_status_when_the_body_does_not_end)
{
        struct probe_last last = ask_within("HTTP/1.1 200 OK\r\n\r\nevent", false, false);

        cr_expect(last.ok);
        cr_expect_str_eq(last.output, "event");
        finish();
        last = ask_within("HTTP/1.1 500 X\r\n\r\n", false, false);
        cr_expect_not(last.ok);
        finish();
}

Test(probe_net, calls_what_is_no_http_ill)
{
        struct probe_last last = ask_within("SSH-2.0-OpenSSH\r\n", false, false);

        cr_expect_not(last.ok);
        cr_expect_eq(strncmp(last.output, "127.0.0.1:", 10), 0, "%s", last.output);
        cr_expect_not(strstr(last.output, "timed out"));
        finish();
}

Test(probe_net, says_that_the_server_hung_up)
{
        struct probe_last last = ask_within("", false, true);

        cr_expect_not(last.ok);
        cr_expect(strstr(last.output, "closed") || strstr(last.output, "reset") ||
                      strstr(last.output, "end-of-file"),
                  "%s", last.output);
        finish();
}

Test(probe_net, goes_by_the_status_when_the_headers_are_broken)
{
        answered("HTTP/1.1 200 OK\r\nGood: yes\r\nbad header\x01\r\n\r\n", true, "");
}

/* ---- targets */

static bool unknown(const struct host *w, const char *host, struct strlist *out, struct err *e)
{
        (void)w, (void)host, (void)out, (void)e;
        return false;
}

static const struct host nowhere = { .resolve = unknown };

Test(probe_net, knows_a_wrong_target)
{
        static const struct {
                enum check_kind kind;
                const char *text;
        } wrong[] = {
                { CHECK_TCP, "127.0.0.1" },
                { CHECK_TCP, "127.0.0.1:" },
                { CHECK_TCP, "127.0.0.1:0" },
                { CHECK_TCP, "127.0.0.1:65536" },
                { CHECK_TCP, "127.0.0.1:80x" },
                { CHECK_TCP, "[::1:80" },
                { CHECK_TCP, "[::1]80" },
                { CHECK_TCP, "::1:80" },
                { CHECK_TCP, "user@127.0.0.1:1" },
                { CHECK_HTTP, "127.0.0.1:80/a b" },
                { CHECK_HTTP, "127.0.0.1:80/\r\nX: y" },
                { CHECK_HTTP, "u:p@127.0.0.1/" },
                { CHECK_UNIX, "" },
        };

        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
                struct probe_target t;
                struct err e = { 0 };
                cr_expect_not(probe_target_parse(wrong[i].kind, wrong[i].text, &nowhere, &t, &e),
                              "'%s'", wrong[i].text);
                cr_expect_neq(e.text[0], '\0');
                probe_target_release(&t);
        }
}

Test(probe_net, reads_a_target)
{
        static const struct {
                enum check_kind kind;
                const char *text, *path;
                int count, port;
        } right[] = {
                { CHECK_TCP, "127.0.0.1:1", NULL, 1, 1 },
                { CHECK_TCP, "localhost:65535", NULL, 2, 65535 },
                { CHECK_TCP, ":80", NULL, 2, 80 },
                { CHECK_HTTP, "127.0.0.1", "/", 1, 80 },
                { CHECK_HTTP, "127.0.0.1:8080", "/", 1, 8080 },
                { CHECK_HTTP, "127.0.0.1:8080?x", "/?x", 1, 8080 },
                { CHECK_HTTP, "127.0.0.1:8080#x", "/", 1, 8080 },
                { CHECK_HTTP, "[::1]/x", "/x", 1, 80 },
                { CHECK_HTTP, "[fe80::1%lo]:81/x", "/x", 1, 81 },
        };

        for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
                struct probe_target t;
                struct err e = { 0 };
                cr_expect(probe_target_parse(right[i].kind, right[i].text, &nowhere, &t, &e), "%s",
                          e.text);
                cr_expect_eq(t.count, right[i].count);
                cr_expect_eq(ntohs(t.addresses[0].at.v4.sin_port), right[i].port);
                if (right[i].path)
                        cr_expect_str_eq(t.path, right[i].path);
                probe_target_release(&t);
        }
}

/* ---- hosts */

static const char *const *known; /* addresses of "db.example"; ends with NULL */

static bool from_known(const struct host *w, const char *host, struct strlist *out, struct err *e)
{
        (void)w, (void)e;
        for (size_t i = 0; strcmp(host, "db.example") == 0 && known[i]; i++)
                cr_assert(strlist_add(out, known[i]));
        return out->count > 0;
}

Test(probe_net, takes_every_address_that_the_file_s_reading_found)
{
        static const char *const addresses[] = { "10.1.2.3", "2001:db8::7", "10.1.2.4", NULL };
        const struct host w = { .resolve = from_known };
        struct probe_target t;
        struct err e = { 0 };

        known = addresses;
        cr_assert(probe_target_parse(CHECK_TCP, "db.example:5432", &w, &t, &e), "%s", e.text);
        cr_assert_eq(t.count, 3);
        cr_expect_eq(t.addresses[0].at.v4.sin_addr.s_addr, htonl(0x0a010203));
        cr_expect_eq(t.addresses[1].at.v6.sin6_family, AF_INET6);
        cr_expect_eq(t.addresses[1].at.v6.sin6_port, htons(5432));
        cr_expect_eq(t.addresses[2].at.v4.sin_addr.s_addr, htonl(0x0a010204));
        cr_expect_str_eq(t.authority, "db.example:5432");
        probe_target_release(&t);
        cr_expect_not(probe_target_parse(CHECK_TCP, "web.example:80", &w, &t, &e));
        probe_target_release(&t);
}

Test(probe_net, tries_the_addresses_of_a_host_until_one_accepts)
{
        static const char *const addresses[] = { "::1", "127.0.0.9", "127.0.0.1", NULL };
        int port, fd = listen_v4(&port);

        known = addresses;
        begin(CHECK_HTTP, "db.example:%d/", port);
        rig.host.resolve = from_known;
        serve(fd, "HTTP/1.1 200 OK\r\n\r\n");
        probe_rig_expect(&rig, true, "");
        cr_expect(strstr(server.request, "Host: db.example:"));
        finish();
}

/* A full queue on loopback answers as a host behind a firewall does: not at all. */
Test(probe_net, an_address_that_never_answers_does_not_hide_the_next)
{
        static const char *const addresses[] = { "127.0.0.9", "127.0.0.1", NULL };
        int port, fd = listen_v4(&port);
        struct sockaddr_in mute = { .sin_family = AF_INET,
                                    .sin_port = htons((uint16_t)port),
                                    .sin_addr.s_addr = htonl(0x7f000009) };
        int full = bound(AF_INET, &mute, sizeof mute), callers[64];

        cr_assert_eq(listen(full, 0), 0);
        for (size_t i = 0; i < 64; i++) {
                callers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
                connect(callers[i], (struct sockaddr *)&mute, sizeof mute);
        }
        known = addresses;
        begin(CHECK_TCP, "db.example:%d", port);
        rig.program->healthcheck_timeout_ms = 2000;
        rig.host.resolve = from_known;
        serve(fd, NULL);
        probe_rig_expect(&rig, true, "");
        for (size_t i = 0; i < 64; i++)
                close(callers[i]);
        close(full);
        finish();
}

Test(probe_net, asks_the_addresses_of_the_last_reading)
{
        static const char *const before[] = { "127.0.0.9", NULL }, *const after[] = { "127.0.0.1",
                                                                                      NULL };
        int port, fd = listen_v4(&port);

        known = before;
        begin(CHECK_TCP, "db.example:%d", port);
        rig.host.resolve = from_known;
        serve(fd, NULL);
        cr_expect_not(probe_rig_ask(&rig).ok);
        known = after;
        probe_follow(rig.process->worker);
        cr_expect(probe_rig_run(&rig, is_well));
        finish();
}
