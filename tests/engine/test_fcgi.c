#include "engine/sockets/fcgi.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/unconst.h"

static struct supervisor sup;
static struct buf lines;
static struct log capture;
static char dir[64], path[96], url[128];

/* Two groups of up to two programs each. */
static struct group groups[2];
static struct group_conf confs[2];
static struct fleet fleets[2][2];
static struct program *programs[2][2];
static struct group *all_groups[2] = { &groups[0], &groups[1] };

static void keep_line(struct log *l, enum log_level level, const char *text, size_t len)
{
        (void)l;
        buf_printf(&lines, "%s %.*s\n", log_level_tag(level), (int)len, text);
}

static void setup(void)
{
        struct err e;

        strcpy(dir, "/tmp/test-fcgi-XXXXXX");
        cr_assert(mkdtemp(dir));
        snprintf(path, sizeof path, "%s/f.sock", dir);
        snprintf(url, sizeof url, "unix://%s", path);
        capture = (struct log){ .level = LVL_DEBUG, .write = keep_line };
        sup.log = &capture;
        sup.sys = sys_real();
        cr_assert(components_init(&sup, components, &e));
        sup.registry.groups = all_groups;
        sup.registry.group_count = 2;
}

static void teardown(void)
{
        char command[128];

        for (int g = 0; g < 2; g++) {
                fcgi_close(&sup, &groups[g]);
                for (int i = 0; i < 2; i++)
                        program_unref(programs[g][i]);
        }
        components_release(&sup);
        buf_release(&lines);
        snprintf(command, sizeof command, "rm -rf %s", dir);
        cr_expect_eq(system(command), 0);
}

TestSuite(fcgi, .init = setup, .fini = teardown, .timeout = 20);

static void add(int g, const char *name, const char *socket_url)
{
        struct group_conf *c = &confs[g];
        int i = c->program_count++;
        struct program *p = programs[g][i] = program_new();

        cr_assert(p);
        p->kind = socket_url ? KIND_FCGI : KIND_PROGRAM;
        p->name = strdup(name);
        p->socket = socket_url ? strdup(socket_url) : NULL;
        p->socket_uid = (uid_t)-1;
        p->socket_gid = (gid_t)-1;
        p->socket_mode = -1; /* not said */
        p->socket_backlog = -1;
        c->programs = programs[g];
        c->name = groups[g].name = unconst(name);
        groups[g].conf = c;
        fleets[g][i] = (struct fleet){ .group = &groups[g], .program = p };
}

static bool connects_unix(void)
{
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        strcpy(sa.sun_path, path);
        bool ok = connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0;
        close(fd);
        return ok;
}

static void open_group(int g)
{
        struct err e = { 0 };

        cr_assert(fcgi_open(&sup, &groups[g], &e), "%s", e.text);
}

Test(fcgi, listens_for_the_groups_life)
{
        struct stat st;

        add(0, "f", url);
        cr_expect_eq(fcgi_socket(&fleets[0][0]), -1);
        open_group(0);
        cr_expect(connects_unix());
        cr_expect_eq(stat(path, &st), 0);
        cr_expect_eq(st.st_mode & 07777, 0700);
        cr_expect(strstr(buf_str(&lines), "INFO Creating socket unix:///tmp/test-fcgi-"));
        fcgi_close(&sup, &groups[0]);
        cr_expect_not(connects_unix());
        cr_expect_eq(stat(path, &st), -1, "the path is left behind");
        cr_expect(strstr(buf_str(&lines), "INFO Closing socket unix:///tmp/test-fcgi-"));
        cr_expect_eq(fcgi_socket(&fleets[0][0]), -1);
}

Test(fcgi, hands_out_a_blocking_listening_socket)
{
        int accepts = 0, fd;
        socklen_t len = sizeof accepts;

        add(0, "f", url);
        open_group(0);
        fd = fcgi_socket(&fleets[0][0]);
        cr_assert_geq(fd, 0);
        cr_expect_eq(getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &len), 0);
        cr_expect_eq(accepts, 1);
        cr_expect_eq(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
        cr_expect_neq(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
}

static int free_port(void)
{
        struct sockaddr_in sa = { .sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t len = sizeof sa;
        int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        cr_assert_eq(bind(probe, (struct sockaddr *)&sa, sizeof sa), 0);
        getsockname(probe, (struct sockaddr *)&sa, &len);
        close(probe);
        return ntohs(sa.sin_port);
}

Test(fcgi, takes_a_tcp_port)
{
        struct sockaddr_in sa = { .sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        char tcp[64];
        int port = free_port();

        sa.sin_port = htons((uint16_t)port);
        snprintf(tcp, sizeof tcp, "tcp://localhost:%d", port);
        add(0, "f", tcp);
        open_group(0);
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        cr_expect_eq(connect(fd, (struct sockaddr *)&sa, sizeof sa), 0);
        close(fd);
}

Test(fcgi, gives_every_program_of_a_group_its_own)
{
        char other[160];

        snprintf(other, sizeof other, "%s2", url);
        add(0, "f", url);
        add(0, "h", other);
        open_group(0);
        cr_expect_geq(fcgi_socket(&fleets[0][0]), 0);
        cr_expect_geq(fcgi_socket(&fleets[0][1]), 0);
        cr_expect_neq(fcgi_socket(&fleets[0][0]), fcgi_socket(&fleets[0][1]));
}

Test(fcgi, is_not_for_ordinary_programs)
{
        add(0, "p", NULL);
        open_group(0);
        cr_expect_eq(fcgi_socket(&fleets[0][0]), -1);
        cr_expect_eq(fcgi_socket(NULL), -1);
}

Test(fcgi, shares_a_socket_between_groups)
{
        add(0, "f", url);
        add(1, "h", url);
        open_group(0);
        open_group(1);
        cr_expect_eq(fcgi_socket(&fleets[0][0]), fcgi_socket(&fleets[1][0]));
        fcgi_close(&sup, &groups[0]);
        cr_expect(connects_unix());
        fcgi_close(&sup, &groups[1]);
        cr_expect_not(connects_unix());
}

Test(fcgi, keeps_what_stays_and_closes_what_goes)
{
        char other[160];

        snprintf(other, sizeof other, "%s2", url);
        add(0, "f", url);
        open_group(0);
        int fd = fcgi_socket(&fleets[0][0]);
        add(0, "h", other);
        open_group(0);
        cr_expect_eq(fcgi_socket(&fleets[0][0]), fd);
        confs[0].programs = &programs[0][1];
        confs[0].program_count = 1;
        open_group(0);
        cr_expect_eq(fcgi_socket(&fleets[0][0]), -1);
        cr_expect_not(connects_unix());
        cr_expect_geq(fcgi_socket(&fleets[0][1]), 0);
}

Test(fcgi, takes_over_what_an_earlier_daemon_left)
{
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        int old = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        strcpy(sa.sun_path, path);
        cr_assert_eq(bind(old, (struct sockaddr *)&sa, sizeof sa), 0);
        cr_assert_eq(listen(old, 5), 0);
        add(0, "f", url);
        open_group(0);
        cr_expect(connects_unix());
        close(old);
        cr_expect(connects_unix());
}

Test(fcgi, says_what_cannot_be_made_and_leaves_nothing_open)
{
        struct err e = { 0 };

        add(0, "f", url);
        add(0, "h", "unix:///no/such/dir/f.sock");
        cr_expect_not(fcgi_open(&sup, &groups[0], &e));
        cr_expect_eq(
            strncmp(e.text, "Could not create FastCGI socket unix:///no/such/dir/f.sock: ", 60), 0,
            "%s", e.text);
        cr_expect_not(connects_unix());
        cr_expect_null(groups[0].engine);
}

Test(fcgi, leaves_a_path_that_is_not_its_own_any_more)
{
        struct stat st;
        FILE *f;

        add(0, "f", url);
        open_group(0);
        unlink(path);
        f = fopen(path, "w");
        cr_assert(f);
        fclose(f);
        fcgi_close(&sup, &groups[0]);
        cr_expect_eq(stat(path, &st), 0);
}

/* ---- before a reload */

static struct config next;
static struct group_conf *next_groups[2] = { &confs[0], &confs[1] };

Test(fcgi, binds_everything_first_or_nothing)
{
        struct err e = { 0 };
        char other[128];

        snprintf(other, sizeof other, "unix://%s/none/s.sock", dir);
        add(0, "f", url);
        add(1, "g", other);
        next.groups = next_groups;
        next.group_count = 2;
        cr_expect_not(fcgi_bind(&sup, &next, &e));
        cr_expect(strstr(e.text, "No such file or directory"), "%s", e.text);
        cr_expect_null(*(void **)component_own(&sup, COMPONENT_fcgi));
        cr_expect_eq(access(path, F_OK), -1, "the first one is let go of");

        next.group_count = 1;
        cr_assert(fcgi_bind(&sup, &next, &e), "%s", e.text);
        open_group(0);
        fcgi_bound_release(&sup);
        cr_expect(connects_unix(), "it was taken over");
        cr_assert(fcgi_bind(&sup, &next, &e), "%s", e.text);
        fcgi_bound_release(&sup);
        cr_expect(connects_unix(), "what is open is not bound again");
}

Test(fcgi, tries_without_leaving_or_taking_anything)
{
        struct err e = { 0 };
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        add(0, "f", url);
        cr_expect(fcgi_try(&sup, &confs[0], &e), "%s", e.text);
        cr_expect_eq(access(path, F_OK), -1);
        strcpy(sa.sun_path, path);
        cr_assert_eq(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
        cr_assert_eq(listen(fd, 5), 0);
        cr_expect(fcgi_try(&sup, &confs[0], &e), "it would be taken over");
        cr_expect(connects_unix());
        close(fd);
}

Test(fcgi, knows_an_address_in_other_words)
{
        char same[2][64];
        struct err e = { 0 };
        int port = free_port();

        snprintf(same[0], sizeof same[0], "tcp://localhost:%d", port);
        snprintf(same[1], sizeof same[1], "tcp://127.0.0.1:%d", port);
        add(0, "f", same[0]);
        open_group(0);
        free(programs[0][0]->socket);
        programs[0][0]->socket = strdup(same[1]);
        cr_expect(fcgi_open(&sup, &groups[0], &e), "%s", e.text);
}
