/* Lines to a syslog daemon that may be slow, away, or back again. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../src/logs/sink_syslog.h"
#include "rig.h"

static struct rig rig;
static struct sink_syslog *out;
static int daemon_fd;
static char text[9000];

static void daemon_starts(void)
{
        struct sockaddr_un a = { .sun_family = AF_UNIX };

        strcpy(a.sun_path, rig_path(&rig, "log"));
        unlink(a.sun_path);
        daemon_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        cr_assert_eq(bind(daemon_fd, (struct sockaddr *)&a, sizeof a), 0);
}

static void setup(void)
{
        rig_open(&rig, false);
        daemon_starts();
        out = sink_syslog_new("supervisord", rig_path(&rig, "log"));
        cr_assert(out);
}

static void teardown(void)
{
        sink_syslog_free(out);
        close(daemon_fd);
        rig_close(&rig);
}

static const char *heard(void)
{
        ssize_t n = recv(daemon_fd, text, sizeof text - 1, 0);

        text[n > 0 ? n : 0] = '\0';
        return text;
}

TestSuite(syslog, .init = setup, .fini = teardown);

Test(syslog, sends_lines_as_syslog_does)
{
        char month[4], ident[16];
        int day, h, m, s;

        sink_syslog_line(out, "web hello", 9);
        cr_expect_eq(sscanf(heard(), "<14>%3s %d %d:%d:%d %15s", month, &day, &h, &m, &s, ident),
                     6);
        cr_expect_str_eq(ident, "supervisord:");
        cr_expect(strstr(text, "supervisord: web hello"));
}

Test(syslog, does_not_wait_for_a_daemon_that_does_not_read)
{
        for (int i = 0; i < 5000; i++)
                sink_syslog_line(out, "line", 4);
        cr_expect_gt(sink_syslog_lost(out), 0);
        while (*heard())
                ;
        sink_syslog_line(out, "again", 5);
        cr_expect(strstr(heard(), " lines were lost here"), "%s", text);
        cr_expect(strstr(heard(), "again"));
}

Test(syslog, finds_a_daemon_that_was_restarted)
{
        sink_syslog_line(out, "one", 3);
        close(daemon_fd);
        sink_syslog_line(out, "two", 3);
        cr_expect_eq(sink_syslog_lost(out), 1);
        daemon_starts();
        sink_syslog_line(out, "three", 5);
        cr_expect(strstr(heard(), "1 lines were lost here"), "%s", text);
        cr_expect(strstr(heard(), "three"));
}
