/* Lines to a syslog daemon that may be slow, away, or back again. */
#include <sys/socket.h>
#include <sys/un.h>

#include "../../src/logs/syslog/sink_syslog.h"
#include "../../src/logs/syslog/syslog_message.h"
#include "../../src/logs/thread.h"
#include "subject.h"

static int daemon_fd = -1;
static char text[9000];
static struct stream_conf conf;

static void daemon_starts(void)
{
        struct sockaddr_un a = { .sun_family = AF_UNIX };

        snprintf(a.sun_path, sizeof a.sun_path, "%s", rig_path(&rig, "log"));
        unlink(a.sun_path);
        daemon_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        cr_assert_eq(bind(daemon_fd, (struct sockaddr *)&a, sizeof a), 0);
}

static void daemon_ends(void)
{
        close(daemon_fd);
        daemon_fd = -1;
}

static void begin(bool fake)
{
        rig_open(&rig, fake);
        daemon_starts();
        logs_syslog_socket(rig.logs, rig_path(&rig, "log"));
        conf = (struct stream_conf){ .process = "web",
                                     .syslog = { .on = true, .facility = 1, .level = 6 } };
}

static void setup_syslog(void)
{
        begin(false);
}

static void setup_syslog_fake(void)
{
        begin(true);
}

static void teardown_syslog(void)
{
        if (daemon_fd >= 0)
                daemon_ends();
        teardown();
}

static const char *heard(void)
{
        ssize_t n = recv(daemon_fd, text, sizeof text - 1, 0);

        text[n > 0 ? n : 0] = '\0';
        return text;
}

static void expect_syslog(uint64_t sent, uint64_t dropped, uint64_t buffered)
{
        stream_ledger(s, &led);
        cr_expect(led.syslog_sent == sent && led.syslog_dropped == dropped &&
                      led.syslog_buffered == buffered,
                  "sent %lu dropped %lu buffered %lu", (unsigned long)led.syslog_sent,
                  (unsigned long)led.syslog_dropped, (unsigned long)led.syslog_buffered);
}

static int attach(void)
{
        make(conf);
        return rig_attach(&rig, s);
}

static const char *message(const struct syslog_conf *c, const char *process, pid_t pid,
                           const char *line, size_t len)
{
        static struct buf out;
        struct syslog_head h = { .conf = c,
                                 .ident = "supervisord",
                                 .process = process,
                                 .host = "box",
                                 .pid = pid,
                                 .wall_us = 1767225600000001 };

        setenv("TZ", "UTC", 1);
        tzset();
        buf_reset(&out);
        syslog_message(&out, &h, (struct syslog_part){ 0 }, line, len);
        return buf_str(&out);
}

Test(syslog_message, is_what_the_c_library_sends)
{
        struct syslog_conf c = { .facility = 1, .level = 6 };

        cr_expect_str_eq(message(&c, "web", 7, "hello", 5),
                         "<14>Jan  1 00:00:00 supervisord: web hello");
        c = (struct syslog_conf){ .facility = 16, .level = 3, .tag = "shop" };
        cr_expect_str_eq(message(&c, "web", 7, "hello", 5), "<131>Jan  1 00:00:00 shop[7]: hello");
        cr_expect_str_eq(message(&c, "web", 0, "hello", 5), "<131>Jan  1 00:00:00 shop: hello");
}

Test(syslog_message, has_the_header_of_rfc_5424)
{
        struct syslog_conf c = { .facility = 3, .level = 5, .format = SYSLOG_RFC5424 };

        cr_expect_str_eq(message(&c, "web", 7, "hello", 5),
                         "<29>1 2026-01-01T00:00:00.000001Z box web 7 stdout - hello");
        cr_expect_str_eq(message(&c, "a b\xc3\xa4", 0, "", 0),
                         "<29>1 2026-01-01T00:00:00.000001Z box a_b__ - stdout - ");
        c.tag = "shop";
        cr_expect(strstr(message(&c, "web", 7, "x", 1), " box shop 7 stdout - x"));
}

Test(syslog_message, marks_utf8_that_is_more_than_ascii)
{
        struct syslog_conf c = { .facility = 1, .level = 6, .format = SYSLOG_RFC5424 };

        cr_expect(strstr(message(&c, "web", 7, "gr\xc3\xbcn", 5), " - \xef\xbb\xbfgr\xc3\xbcn"));
        cr_expect(strstr(message(&c, "web", 7, "gr\xfcn", 4), " - gr\xfcn"), "that is no UTF-8");
        c.format = SYSLOG_BSD;
        cr_expect_not(strstr(message(&c, "web", 7, "gr\xc3\xbcn", 5), "\xef\xbb\xbf"));
}

Test(syslog_message, is_never_cut_within_a_character)
{
        cr_expect_eq(syslog_cut("abcd", 4), 4);
        cr_expect_eq(syslog_cut("ab\xc3", 3), 2);
        cr_expect_eq(syslog_cut("ab\xc3\xbc", 4), 4);
        cr_expect_eq(syslog_cut("a\xf0\x9f\x98", 4), 1);
        cr_expect_eq(syslog_cut("a\xf0\x9f\x98\x80", 5), 5);
        cr_expect_eq(syslog_cut("\x80\x80\x80\x80\x80", 5), 5, "that is no character");
}

TestSuite(syslog, .init = setup_syslog, .fini = teardown_syslog);
TestSuite(syslog_faults, .init = setup_syslog_fake, .fini = teardown_syslog);

Test(syslog, gets_a_stream_line_by_line)
{
        int fd = attach();

        rig_say(fd, "one\ntw");
        rig_settle(&rig);
        cr_expect(strstr(heard(), ": web one"), "%s", text);
        cr_expect_str_eq(heard(), "", "the second is not whole");
        rig_say(fd, "o\nthree");
        rig_settle(&rig);
        cr_expect(strstr(heard(), ": web two"), "%s", text);
        expect_syslog(8, 0, 0);
        stream_finish(s);
        cr_expect(strstr(heard(), ": web three"), "%s", text);
        expect_syslog(13, 0, 0);
        close(fd);
}

Test(syslog, gets_long_lines_in_pieces_that_say_so)
{
        static char line[20000];
        int fd = attach();

        memset(line, 'x', sizeof line - 1);
        rig_say(fd, line);
        rig_say(fd, "\n");
        rig_settle(&rig);
        cr_expect(strstr(heard(), "web xxx") && strcmp(text + strlen(text) - 5, "x ...") == 0);
        cr_expect(strstr(heard(), "web ... x") && strcmp(text + strlen(text) - 5, "x ...") == 0);
        cr_expect(strstr(heard(), "web ... x") && text[strlen(text) - 1] == 'x');
        expect_syslog(20000, 0, 0);
        close(fd);
}

Test(syslog, follows_its_settings_while_it_runs)
{
        int fd = attach();

        stream_pid(s, 4711);
        conf.syslog = (struct syslog_conf){
                .on = true, .format = SYSLOG_RFC5424, .facility = 23, .level = 0, .tag = "shop"
        };
        cr_expect(stream_configure(s, &conf, &rig.err));
        rig_say(fd, "one\n");
        rig_settle(&rig);
        cr_expect(strncmp(heard(), "<184>1 ", 7) == 0 && strstr(text, " shop 4711 stdout - one"),
                  "%s", text);
        conf.syslog.on = false;
        cr_expect(stream_configure(s, &conf, &rig.err));
        rig_say(fd, "two\n");
        rig_settle(&rig);
        cr_expect_str_eq(heard(), "");
        close(fd);
}

static bool is_drained(struct rig *r)
{
        (void)r;
        while (*heard())
                ;
        stream_ledger(s, &led);
        return led.syslog_buffered == 0;
}

/* What a socket does not take at once waits; nothing of the worker's does. */
Test(syslog, is_not_waited_for_when_it_is_slow)
{
        int fd = attach();

        for (int i = 0; i < 5000; i++) {
                rig_say(fd, "line\n");
                if (i % 100 == 0)
                        rig_settle(&rig);
        }
        rig_settle(&rig);
        stream_ledger(s, &led);
        cr_expect_gt(led.syslog_buffered, 0);
        expect_syslog(led.syslog_sent, 0, 25000 - led.syslog_sent);
        cr_expect_eq(rig.logged.len, 0, "%s", buf_str(&rig.logged));
        cr_assert(rig_until(&rig, is_drained));
        expect_syslog(25000, 0, 0);
        close(fd);
        rig_settle(&rig);
        cr_expect(rig_idle(&rig));
}

Test(syslog, drops_what_finds_no_room_and_says_how_much)
{
        static char block[65536];
        int fd = attach();

        memset(block, 'x', sizeof block - 1);
        for (size_t i = 99; i < sizeof block - 1; i += 100)
                block[i] = '\n';
        for (int i = 0; i < 20; i++) {
                rig_say(fd, block);
                rig_settle(&rig);
        }
        stream_finish(s);
        stream_ledger(s, &led);
        cr_expect_gt(led.syslog_dropped, 500000);
        cr_expect_leq(led.syslog_buffered, SYSLOG_BACKLOG_EACH);
        cr_expect_eq(led.syslog_sent + led.syslog_dropped + led.syslog_buffered, 20 * 65535);
        cr_expect_eq(led.read, led.written, "the file's ledger has nothing to do with it");
        cr_assert(rig_until(&rig, is_drained));
        rig_settle(&rig);
        stream_ledger(s, &led);
        cr_expect_eq(rig.dropped, led.syslog_dropped, "told %lu", (unsigned long)rig.dropped);
        cr_expect(strstr(buf_str(&rig.logged), "WARN syslog of 'web' stdout: "));
        cr_expect(strstr(buf_str(&rig.logged), " bytes dropped (syslog does not keep up)"));
        close(fd);
}

static bool is_sent(struct rig *r)
{
        (void)r;
        stream_ledger(s, &led);
        return led.syslog_buffered == 0;
}

Test(syslog, may_be_restarted_and_misses_nothing)
{
        int fd = attach();

        rig_say(fd, "one\n");
        rig_settle(&rig);
        cr_expect(strstr(heard(), "one"));
        daemon_ends();
        rig_say(fd, "two\nthree\n");
        rig_settle(&rig);
        expect_syslog(4, 0, 10);
        cr_expect(strstr(buf_str(&rig.logged), "ERRO syslog: send to "), "%s",
                  buf_str(&rig.logged));
        cr_expect(strstr(buf_str(&rig.logged), "Connection refused; what goes there waits"));
        daemon_starts();
        cr_assert(rig_until(&rig, is_sent));
        cr_expect(strstr(heard(), "two"));
        cr_expect(strstr(heard(), "three"));
        expect_syslog(14, 0, 0);
        cr_expect(strstr(buf_str(&rig.logged), "INFO syslog: "));
        daemon_ends();
        daemon_starts();
        rig_say(fd, "four\n");
        rig_settle(&rig);
        cr_expect(strstr(heard(), "four"), "another one behind the same path is found at once");
        close(fd);
        rig_settle(&rig);
        cr_expect(rig_idle(&rig));
}

Test(syslog, may_be_missing_and_costs_a_line_in_a_minute)
{
        daemon_ends();
        unlink(rig_path(&rig, "log"));
        int fd = attach();

        rig_say(fd, "one\n");
        rig_settle(&rig);
        for (int i = 0; i < 3; i++) {
                daemon_starts();
                cr_assert(rig_until(&rig, is_sent));
                daemon_ends();
                rig_say(fd, "again\n");
                rig_settle(&rig);
        }
        const char *first = strstr(buf_str(&rig.logged), "ERRO");
        cr_assert(first && strstr(first, "No such file or directory"));
        cr_expect_not(strstr(first + 1, "ERRO"), "%s", first);
        close(fd);
}

Test(syslog, is_elsewhere_after_a_change_of_settings)
{
        daemon_ends();
        int fd = attach();

        logs_syslog_socket(rig.logs, rig_path(&rig, "nowhere"));
        rig_say(fd, "one\n");
        rig_settle(&rig);
        expect_syslog(0, 0, 4);
        daemon_starts();
        logs_syslog_socket(rig.logs, rig_path(&rig, "log"));
        expect_syslog(4, 0, 0);
        cr_expect(strstr(heard(), "one"));
        close(fd);
}

Test(syslog, gets_what_a_freed_stream_left)
{
        int fd = attach();

        daemon_ends();
        rig_say(fd, "last\nwords");
        rig_settle(&rig);
        stream_free(s);
        s = NULL;
        daemon_starts();
        ev_run(rig.loop, 0); /* until nothing is waited for */
        cr_expect(strstr(heard(), "last"));
        cr_expect(strstr(heard(), "words"));
        close(fd);
}

Test(syslog, says_what_the_end_of_the_daemon_loses)
{
        int fd = attach();

        daemon_ends();
        rig_say(fd, "lost\n");
        rig_settle(&rig);
        stream_free(s);
        s = NULL;
        logs_free(rig.logs);
        rig.logs = NULL;
        cr_expect(strstr(buf_str(&rig.logged), "CRIT 5 bytes for syslog are lost: send to "));
        close(fd);
}

/* Every call fails once, at each of its turns; whatever happens each line arrives once, in order.
 */
Test(syslog_faults, lose_and_double_nothing)
{
        static const int errors[] = { EAGAIN, EINTR, ENOBUFS, ENOMEM, ECONNREFUSED, EIO };
        static const enum kernel_call calls[] = { K_DIAL, K_SEND };
        int fd = attach();
        uint64_t sent = 0;

        for (size_t e = 0; e < sizeof errors / sizeof *errors; e++)
                for (size_t c = 0; c < 2; c++)
                        for (long nth = 1; nth <= 5; nth++) {
                                if (calls[c] == K_DIAL) {
                                        daemon_ends();
                                        daemon_starts();
                                }
                                kernel_fail(&rig.kernel, calls[c], nth, errors[e]);
                                for (int i = 0; i < 5; i++) {
                                        rig_say(fd, i % 2 ? "odd\n" : "even\n");
                                        rig_settle(&rig);
                                }
                                sent += 23;
                                cr_assert(rig_until(&rig, is_sent));
                                expect_syslog(sent, 0, 0);
                                for (int i = 0; i < 5; i++)
                                        cr_assert(strstr(heard(), i % 2 ? "odd" : "even"));
                                cr_assert_str_eq(heard(), "");
                                kernel_mend(&rig.kernel, calls[c]);
                        }
        close(fd);
}
