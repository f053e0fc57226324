#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/http/conn.h"
#include "engine/core/startup.h"

/* Real sockets in a directory of the test's own; only the router is ours. */
static struct supervisor sup;
static struct log sink;
static struct buf logged;
static char dir[64], file[128], file2[128];
static struct config config;
static struct server_conf servers[2];
static struct api *api;
static struct caller asked_by;

static void write_log(struct log *self, enum log_level level, const char *text, size_t len)
{
        (void)self;
        buf_printf(&logged, "%s %.*s\n", log_level_tag(level), (int)len, text);
}

static void answer(struct request *r)
{
        asked_by = r->caller;
        reply(r, 200, "text/plain", NULL, "ok", 2);
}

static void setup(void)
{
        struct err e;

        strcpy(dir, "/tmp/api-server.XXXXXX");
        cr_assert_not_null(mkdtemp(dir));
        snprintf(file, sizeof file, "%s/s.sock", dir);
        snprintf(file2, sizeof file2, "%s/t.sock", dir);
        logged = BUF_INIT;
        sink = (struct log){ .level = LVL_INFO, .write = write_log };
        sup = (struct supervisor){ .loop = ev_loop_new(EVFLAG_AUTO), .log = &sink };
        cr_assert(components_init(&sup, components, &e));
        servers[0] = (struct server_conf){ .kind = SERVER_UNIX,
                                           .section = "unix_http_server",
                                           .file = file,
                                           .chmod = 0700,
                                           .chown = { .uid = (uid_t)-1, .gid = (gid_t)-1 } };
        servers[1] = servers[0];
        servers[1].file = file2;
        config = (struct config){ .servers = servers, .server_count = 1, .has_rpcinterface = true };
}

static void teardown(void)
{
        api_free(api);
        api = NULL;
        components_release(&sup);
        ev_loop_destroy(sup.loop);
        buf_release(&logged);
        unlink(file);
        unlink(file2);
        cr_expect_eq(rmdir(dir), 0, "something is left in %s", dir);
}

TestSuite(server, .init = setup, .fini = teardown);

static void open_api(void)
{
        struct err e = { 0 };

        api = api_new(&sup, &config, &e);
        cr_assert_not_null(api, "%s", e.text);
        api->route = answer;
}

static void spin(void)
{
        for (int i = 0; i < 20; i++)
                ev_run(sup.loop, EVRUN_NOWAIT);
}

static int connect_to(const char *path)
{
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        strcpy(sa.sun_path, path);
        if (connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0)
                return fd;
        close(fd);
        return -1;
}

/* What is answered to a request on fd, "" for nothing; static memory. */
static const char *ask(int fd)
{
        static const char text[] = "GET / HTTP/1.1\r\n\r\n";
        static char data[4096];

        data[0] = '\0';
        if (write(fd, text, sizeof text - 1) < 0)
                return data;
        spin();
        ssize_t n = read(fd, data, sizeof data - 1);
        data[n > 0 ? n : 0] = '\0';
        return data;
}

static bool is_open(int fd)
{
        char c;

        spin();
        return recv(fd, &c, 1, MSG_PEEK) < 0 && errno == EAGAIN;
}

Test(server, answers_on_a_unix_socket_and_knows_the_caller)
{
        struct stat st;

        open_api();
        cr_assert_eq(stat(file, &st), 0);
        cr_expect_eq(st.st_mode & 07777, 0700);
        int fd = connect_to(file);
        cr_expect_not_null(strstr(ask(fd), "200 OK"));
        cr_expect(asked_by.known);
        cr_expect_eq(asked_by.pid, getpid());
        cr_expect_eq(asked_by.uid, getuid());
        close(fd);
}

Test(server, says_in_the_log_what_is_open_to_everybody)
{
        open_api();
        cr_expect_not_null(strstr(logged.data, "INFO RPC interface 'supervisor' initialized\n"));
        cr_expect_not_null(strstr(logged.data, "INFO Server 'unix_http_server' running without any "
                                               "HTTP authentication checking\n"));
}

Test(server, removes_its_socket_and_no_other)
{
        open_api();
        api_free(api);
        api = NULL;
        cr_expect_eq(access(file, F_OK), -1);
        open_api();
        unlink(file);
        FILE *other = fopen(file, "w");
        fclose(other);
        api_free(api);
        api = NULL;
        cr_expect_eq(access(file, F_OK), 0);
}

Test(server, refuses_to_start_beside_a_living_one)
{
        struct err e = { 0 };

        open_api();
        struct api *second = api_new(&sup, &config, &e);
        cr_expect_null(second);
        cr_expect_not_null(strstr(e.text, "Another program is already listening on a port that one "
                                          "of our HTTP servers is configured to use.  Shut this "
                                          "program down first before starting supervisord."));
        char pid[256];
        snprintf(pid, sizeof pid, "(%s is in use by pid %d of user %u)", file, (int)getpid(),
                 (unsigned)geteuid());
        cr_expect_not_null(strstr(e.text, pid), "%s", e.text);
        int fd = connect_to(file);
        cr_expect_not_null(strstr(ask(fd), "200 OK"), "the first one still answers");
        close(fd);
}

Test(server, replaces_a_stale_socket)
{
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        strcpy(sa.sun_path, file);
        cr_assert_eq(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
        close(fd);
        open_api();
        cr_expect_not_null(strstr(logged.data, "INFO Unlinking stale socket "));
        fd = connect_to(file);
        cr_expect_not_null(strstr(ask(fd), "200 OK"));
        close(fd);
}

Test(server, says_why_it_cannot_listen)
{
        struct err e = { 0 };

        servers[0].file = "/nonexistent-dir/s.sock";
        cr_expect_null(api_new(&sup, &config, &e));
        cr_expect_not_null(strstr(e.text, "Cannot open an HTTP server: socket.error reported "
                                          "errno.ENOENT (2)"),
                           "%s", e.text);
}

Test(server, keeps_connections_over_a_reload_and_closes_what_is_gone)
{
        struct config next = config;
        struct err e = { 0 };

        config.server_count = 2;
        open_api();
        int retained = connect_to(file), dropped = connect_to(file2);
        ask(retained);
        ask(dropped);
        servers[0].username = "ann";
        servers[0].password = "s3cret";
        cr_expect(api_rebind(api, &next, &e));
        cr_expect(is_open(retained));
        cr_expect_not(is_open(dropped));
        cr_expect_eq(access(file2, F_OK), -1);
        cr_expect_not_null(strstr(ask(retained), "401"), "with the new password");
        close(retained);
        close(dropped);
}

Test(server, changes_nothing_when_a_reload_cannot_listen)
{
        struct server_conf other[2] = { servers[1], servers[1] };
        struct config next = { .servers = other, .server_count = 2 };
        struct err e = { 0 };

        open_api();
        other[1].file = "/nonexistent-dir/s.sock";
        cr_expect_not(api_rebind(api, &next, &e));
        cr_expect_eq(access(file2, F_OK), -1);
        int fd = connect_to(file);
        cr_expect_not_null(strstr(ask(fd), "200 OK"));
        close(fd);
}

static int free_port(void)
{
        struct sockaddr_in sa = { .sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t len = sizeof sa;
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        cr_assert_eq(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
        getsockname(fd, (struct sockaddr *)&sa, &len);
        close(fd);
        return ntohs(sa.sin_port);
}

Test(server, answers_on_tcp_and_warns)
{
        int port = free_port();

        servers[0] = (struct server_conf){ .kind = SERVER_INET,
                                           .section = "inet_http_server",
                                           .port = { "127.0.0.1", port } };
        open_api();
        struct sockaddr_in sa = { .sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        cr_assert_eq(connect(fd, (struct sockaddr *)&sa, sizeof sa), 0);
        cr_expect_not_null(strstr(ask(fd), "200 OK"));
        cr_expect_not(asked_by.known);
        cr_expect_eq(strncmp(asked_by.peer, "127.0.0.1:", 10), 0);
        cr_expect_not_null(strstr(logged.data, "CRIT Server 'inet_http_server' running without any "
                                               "HTTP authentication checking\n"));
        close(fd);
}

static bool answers_at(const char *host, int port)
{
        struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool fine;

        inet_pton(AF_INET, host, &sa.sin_addr);
        fine = connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0 && strstr(ask(fd), "200 OK");
        close(fd);
        return fine;
}

Test(server, rename_seq_to_another_host_on_the_same_port)
{
        int port = free_port();
        struct server_conf wide = { .kind = SERVER_INET,
                                    .section = "inet_http_server",
                                    .port = { "", port } };
        struct server_conf narrow = wide;
        struct config next = { .servers = &wide, .server_count = 1 };
        struct err e = { 0 };

        narrow.port.host = "127.0.0.2";
        servers[0] = narrow;
        open_api();
        cr_expect(answers_at("127.0.0.2", port));
        cr_expect(api_rebind(api, &next, &e), "%s", e.text);
        cr_expect(answers_at("127.0.0.1", port));
        next.servers = &narrow;
        cr_expect(api_rebind(api, &next, &e), "%s", e.text);
        cr_expect(answers_at("127.0.0.2", port));
        cr_expect_not(answers_at("127.0.0.1", port));
}

Test(server, stays_where_it_is_when_the_same_port_cannot_be_had_elsewhere)
{
        int port = free_port();
        struct server_conf narrow = { .kind = SERVER_INET,
                                      .section = "inet_http_server",
                                      .port = { "127.0.0.2", port } };
        struct server_conf wide = narrow;
        struct config next = { .servers = &wide, .server_count = 1 };
        struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
        int other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct err e = { 0 };

        wide.port.host = "";
        servers[0] = narrow;
        open_api();
        inet_pton(AF_INET, "127.0.0.3", &sa.sin_addr);
        cr_assert_eq(bind(other, (struct sockaddr *)&sa, sizeof sa), 0);
        cr_assert_eq(listen(other, 1), 0);
        cr_expect_not(api_rebind(api, &next, &e));
        cr_expect_not_null(strstr(e.text, "Another program is already listening"), "%s", e.text);
        cr_expect(answers_at("127.0.0.2", port));
        close(other);
}

Test(server, makes_its_socket_again_when_it_was_deleted)
{
        struct stat before, after;

        open_api();
        int held = connect_to(file);
        cr_assert_eq(stat(file, &before), 0);
        for (int i = 0; i < 3; i++) {
                cr_assert_eq(i == 2 ? rename(file, file2) : unlink(file), 0);
                spin();
                cr_assert_eq(stat(file, &after), 0, "%s", strerror(errno));
                cr_expect_eq(after.st_mode & 07777, 0700);
                int fd = connect_to(file);
                cr_expect_not_null(strstr(ask(fd), "200 OK"));
                close(fd);
        }
        cr_expect_not_null(strstr(ask(held), "200 OK"), "who was connected stays so");
        close(held);
        cr_expect_not_null(strstr(logged.data, "WARN socket "));
        cr_expect_null(strstr(logged.data, "cannot be made again"));
}

Test(server, leaves_a_path_alone_that_another_program_has_taken)
{
        struct stat st;

        open_api();
        unlink(file);
        FILE *other = fopen(file, "w");
        fputs("something", other); /* before anything else runs: an empty file would give way */
        fclose(other);
        spin();
        cr_assert_eq(lstat(file, &st), 0);
        cr_expect(S_ISREG(st.st_mode));
        cr_expect_not_null(strstr(logged.data, "cannot be made again"));
        unlink(file);
        ev_sleep(1.1);
        spin();
        int fd = connect_to(file);
        cr_expect_not_null(strstr(ask(fd), "200 OK"), "it came back by itself");
        close(fd);
}

Test(server, takes_changed_rights_of_its_socket_as_they_are)
{
        struct stat before, after;

        open_api();
        cr_assert_eq(stat(file, &before), 0);
        chmod(file, 0770);
        spin();
        cr_assert_eq(stat(file, &after), 0);
        cr_expect_eq(before.st_ino, after.st_ino);
        cr_expect_eq(after.st_mode & 07777, 0770);
}

Test(server, makes_room_for_the_newest_by_closing_the_one_idle_longest)
{
        int fds[5];

        open_api();
        api->place_max = 4;
        for (int i = 0; i < 4; i++) {
                fds[i] = connect_to(file);
                ask(fds[i]);
        }
        ask(fds[0]); /* now the second one is idle longest */
        fds[4] = connect_to(file);
        cr_expect_not_null(strstr(ask(fds[4]), "200 OK"));
        cr_expect(is_open(fds[0]));
        cr_expect_not(is_open(fds[1]));
        cr_expect(is_open(fds[2]));
        for (int i = 0; i < 5; i++)
                close(fds[i]);
}

/* ---- which client makes room for another, on a TCP server with a password */

#define PASSWORD "Authorization: Basic YW5uOnMzY3JldA==\r\n"

static int port;

static void open_beside_tcp(int places)
{
        port = free_port();
        servers[1] = (struct server_conf){ .kind = SERVER_INET,
                                           .section = "inet_http_server",
                                           .username = "ann",
                                           .password = "s3cret",
                                           .port = { "127.0.0.1", port } };
        config.server_count = 2;
        open_api();
        api->place_max = places;
}

static int connect_tcp(void)
{
        struct sockaddr_in sa = { .sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        cr_assert_eq(connect(fd, (struct sockaddr *)&sa, sizeof sa), 0);
        fcntl(fd, F_SETFL, O_NONBLOCK);
        spin();
        return fd;
}

static int connect_and_say(const char *text)
{
        int fd = connect_tcp();

        cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
        spin();
        return fd;
}

static void never_end(struct request *r)
{
        stream_begin_reply(r, 200, "text/plain", NULL);
}

/* The status of what has come, 0 for nothing. */
static int status_at(int fd)
{
        char data[4096];

        spin();
        ssize_t n = read(fd, data, sizeof data - 1);
        data[n > 0 ? n : 0] = '\0';
        return n > 9 ? atoi(data + 9) : 0;
}

static bool was_closed(int fd)
{
        char data[4096];
        ssize_t n;

        spin();
        while ((n = read(fd, data, sizeof data)) > 0)
                ;
        return n == 0 || errno != EAGAIN;
}

Test(server, lets_the_oldest_without_a_head_make_room_first)
{
        static const char asks[] = "GET / HTTP/1.1\r\n" PASSWORD "\r\n";
        int fds[5];

        open_beside_tcp(4);
        api->route = never_end;
        fds[0] = connect_and_say(asks);
        fds[1] = connect_and_say("GET / HTTP/1.1\r\nX: ");
        fds[2] = connect_and_say("");
        fds[3] = connect_and_say("GET / HTTP/1.1\r\nX: ");
        fds[4] = connect_and_say(asks);
        cr_expect_eq(status_at(fds[4]), 200);
        cr_expect(was_closed(fds[1]));
        cr_expect_not(was_closed(fds[2]));
        cr_expect_not(was_closed(fds[3]));
        cr_expect_not(was_closed(fds[0]));
        for (int i = 0; i < 5; i++)
                close(fds[i]);
}

Test(server, counts_a_refused_one_that_lingers_as_leaving)
{
        int fds[5];

        open_beside_tcp(4);
        fds[0] = connect_and_say("GET / HTTP/1.1\r\nX: ");
        for (int i = 1; i < 4; i++)
                fds[i] = connect_and_say("GET / HTTP/1.1\r\n\r\n");
        fds[4] = connect_and_say("GET / HTTP/1.1\r\n" PASSWORD "\r\n");
        cr_expect_eq(status_at(fds[4]), 200);
        cr_expect_not(was_closed(fds[0]));
        for (int i = 0; i < 5; i++)
                close(fds[i]);
}

Test(server, leaves_those_with_credentials_their_places)
{
        static const char asks[] = "GET / HTTP/1.1\r\n" PASSWORD "\r\n";
        int fds[3], strangers[20];

        open_beside_tcp(4);
        api->route = never_end;
        for (int i = 0; i < 3; i++)
                fds[i] = connect_and_say(asks);
        for (int i = 0; i < 20; i++)
                strangers[i] = connect_and_say("GET / HTTP/1.1\r\nX: ");
        for (int i = 0; i < 3; i++) {
                cr_expect_eq(status_at(fds[i]), 200);
                cr_expect_not(was_closed(fds[i]), "%d", i);
                close(fds[i]);
        }
        for (int i = 0; i < 20; i++)
                close(strangers[i]);
}

Test(server, lets_the_oldest_stream_without_credentials_make_room)
{
        int fds[5];

        open_beside_tcp(4);
        servers[1].username = NULL;
        cr_assert(api_rebind(api, &config, &(struct err){ 0 }));
        api->route = never_end;
        for (int i = 0; i < 5; i++)
                fds[i] = connect_and_say("GET / HTTP/1.1\r\n\r\n");
        cr_expect_eq(status_at(fds[4]), 200);
        cr_expect(was_closed(fds[0]));
        for (int i = 1; i < 4; i++)
                cr_expect_not(was_closed(fds[i]), "%d", i);
        for (int i = 0; i < 5; i++)
                close(fds[i]);
}

Test(server, gives_each_listener_places_of_its_own)
{
        int strangers[20];

        open_beside_tcp(4);
        int retained = connect_to(file);
        ask(retained);
        for (int i = 0; i < 20; i++)
                strangers[i] = connect_and_say("GET / HTTP/1.1\r\nX: ");
        cr_expect(is_open(retained));
        int fd = connect_to(file);
        cr_expect_not_null(strstr(ask(fd), "200 OK"));
        close(fd);
        close(retained);
        for (int i = 0; i < 20; i++)
                close(strangers[i]);
}

Test(server, counts_the_file_that_a_client_follows)
{
        open_beside_tcp(4);
        api->route = never_end;
        int fds[2] = { connect_and_say("GET / HTTP/1.1\r\n" PASSWORD "\r\n"),
                       connect_and_say("GET / HTTP/1.1\r\n" PASSWORD "\r\n") };
        struct conn *first = api->conns, *second = first->next;
        struct listener *l = first->from;
        cr_expect(places_take_file(first));
        cr_expect(places_take_file(second));
        cr_expect_eq(l->taken, 4);
        conn_close(first);
        cr_expect_eq(l->taken, 2);
        stream_end(&second->req);
        spin();
        cr_expect_eq(l->taken, 1, "what was followed is closed");
        close(fds[0]);
        close(fds[1]);
}

Test(server, leaves_the_fleet_the_descriptors_that_it_needs)
{
        open_beside_tcp(PLACES_MAX);
        startup_of(&sup)->limits.nofile.rlim_max = 1 << 20;
        cr_expect_eq(places_of_listener(api), PLACES_MAX);
        startup_of(&sup)->limits.nofile.rlim_max = 1024;
        sup.registry.process_count = 50;
        int fewer = places_of_listener(api);
        cr_expect_geq(1024 - 2 * fewer, 50 * 6 + 64);
        cr_expect_geq(fewer, 256);
        sup.registry.process_count = 1000;
        cr_expect_gt(places_of_listener(api), 0, "an operator gets in all the same");
        sup.registry.process_count = 0;
}

static void never_answer(struct request *r)
{
        (void)r;
}

Test(server, turns_away_when_all_are_busy)
{
        int busy, extra;

        open_api();
        api->place_max = 1;
        api->route = never_answer;
        busy = connect_to(file);
        ask(busy);
        extra = connect_to(file);
        cr_expect_not_null(strstr(ask(extra), "503 Service Unavailable"));
        cr_expect(is_open(busy));
        close(busy);
        close(extra);
}

Test(server, serves_512_connections_at_once)
{
        int fds[512];
        int answered = 0;

        open_api();
        for (int i = 0; i < 512; i++) {
                fds[i] = connect_to(file);
                cr_assert_geq(fds[i], 0);
                spin();
        }
        for (int i = 0; i < 512; i++)
                answered += strstr(ask(fds[i]), "200 OK") != NULL;
        cr_expect_eq(answered, 512);
        for (int i = 0; i < 512; i++)
                close(fds[i]);
}

Test(server, does_not_spin_without_descriptors)
{
        struct rlimit old, none;

        open_api();
        int pending = connect_to(file);
        getrlimit(RLIMIT_NOFILE, &old);
        none = (struct rlimit){ .rlim_cur = 3, .rlim_max = old.rlim_max };
        cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
        for (int i = 0; i < 5; i++)
                ev_run(sup.loop, EVRUN_NOWAIT);
        cr_expect(ev_is_active(&api->pause));
        cr_expect_not(ev_is_active(&api->listeners->ready[0]));
        ev_invoke(sup.loop, &api->listeners->ready[0], EV_READ);
        const char *said = strstr(logged.data, "WARN cannot accept a connection");
        cr_expect_not_null(said);
        cr_expect(said && !strstr(said + 20, "cannot accept"), "said once a minute");
        setrlimit(RLIMIT_NOFILE, &old);
        while (ev_is_active(&api->pause))
                ev_run(sup.loop, EVRUN_ONCE);
        cr_expect(ev_is_active(&api->listeners->ready[0]));
        cr_expect_not_null(strstr(ask(pending), "200 OK"));
        close(pending);
}

Test(server, is_idle_when_no_answer_waits)
{
        open_api();
        int fd = connect_to(file);
        cr_expect_not_null(strstr(ask(fd), "200 OK"));
        cr_expect(api_idle(api));
        close(fd);
}
