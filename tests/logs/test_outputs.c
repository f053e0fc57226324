/* Logs that are no files of their own: pipes, sockets, devices, the daemon's descriptors. */
#include <signal.h>
#include <sys/socket.h>

#include "subject.h"

TestSuite(outputs, .init = setup, .fini = teardown);

Test(outputs, waits_for_the_reader_of_a_fifo)
{
        char data[65536];
        size_t sent = 0, got = 0;
        ssize_t n;

        cr_assert_eq(mkfifo(rig_path(&rig, "f"), 0600), 0);
        make(conf_for("f"));
        int fd = rig_attach(&rig, s); /* though there is no reader yet */
        memset(data, 'x', sizeof data);
        for (int quiet = 0; quiet < 3;) {
                n = write(fd, data, sizeof data);
                quiet = n > 0 ? 0 : quiet + 1;
                sent += n > 0 ? (size_t)n : 0;
                rig_settle(&rig);
        }
        /* smaller than usual for a user who has a thousand others */
        cr_expect_geq(sent, (size_t)fcntl(fd, F_GETPIPE_SZ));
        cr_expect_eq(rig.troubles, 0, "a slow reader is no trouble");
        rig_check(s);
        int reader = open(rig_path(&rig, "f"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        while (got < sent) {
                n = read(reader, data, sizeof data);
                got += n > 0 ? (size_t)n : 0;
                ev_run(rig.loop, EVRUN_NOWAIT);
        }
        expect_ledger(sent, sent, 0, 0);
        close(reader);
        close(fd);
}

/* The daemon's own descriptor 40 is `target`. */
static void own_descriptor(int target, const char *path)
{
        struct stream_conf c = { .process = "p", .path = path, .maxbytes = 10, .backups = 1 };

        cr_assert_eq(dup2(target, 40), 40);
        make(c);
}

Test(outputs, writes_through_a_socket_and_waits_for_it)
{
        char data[65536];
        int pair[2];
        size_t sent = 0, got = 0;
        ssize_t n;

        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
        own_descriptor(pair[1], "/dev/fd/40");
        int fd = rig_attach(&rig, s);
        memset(data, 'x', sizeof data);
        for (int quiet = 0; quiet < 3;) {
                n = write(fd, data, sizeof data);
                quiet = n > 0 ? 0 : quiet + 1;
                sent += n > 0 ? (size_t)n : 0;
                rig_settle(&rig);
        }
        while (got < sent) {
                n = recv(pair[0], data, sizeof data, MSG_DONTWAIT);
                got += n > 0 ? (size_t)n : 0;
                ev_run(rig.loop, EVRUN_NOWAIT);
        }
        cr_expect_eq(fcntl(pair[1], F_GETFL) & O_NONBLOCK, 0, "others' flags are left alone");
        close(fd);
}

Test(outputs, writes_through_a_pipe_without_touching_its_flags)
{
        char data[16] = "";
        int out[2];

        cr_assert_eq(pipe(out), 0);
        own_descriptor(out[1], "/proc/self/fd/40");
        int fd = rig_attach(&rig, s);
        rig_say(fd, "through\n");
        rig_settle(&rig);
        cr_expect_eq(read(out[0], data, sizeof data), 8);
        cr_expect_eq(fcntl(out[1], F_GETFL) & O_NONBLOCK, 0);
        close(fd);
}

Test(outputs, drops_what_goes_to_a_pipe_without_a_reader)
{
        int out[2];

        signal(SIGPIPE, SIG_DFL);
        cr_assert_eq(pipe(out), 0);
        own_descriptor(out[1], "/dev/fd/40");
        int fd = rig_attach(&rig, s);
        close(out[0]);
        for (int i = 0; i < 3; i++) {
                rig_say(fd, "into the void");
                rig_settle(&rig);
        }
        expect_ledger(39, 0, 39, 0);
        cr_expect_eq(rig.troubles, 1);
        cr_expect(strstr(rig.detail, "Broken pipe"), "%s", rig.detail);
        close(fd);
}

Test(outputs, neither_rotates_nor_clears_a_file_that_is_the_daemons_own)
{
        rig_write(&rig, "out", "before\n");
        int target = open(rig_path(&rig, "out"), O_WRONLY | O_APPEND | O_CLOEXEC);
        own_descriptor(target, "/dev/fd/40");
        int fd = rig_attach(&rig, s);
        rig_say(fd, "much longer than ten bytes\n");
        rig_settle(&rig);
        stream_clear(s);
        stream_reopen(s);
        rig_say(fd, "more\n");
        rig_settle(&rig);
        cr_expect(rig_holds(&rig, "out", "before\nmuch longer than ten bytes\nmore\n"));
        close(fd);
        close(target);
}

Test(outputs, discards_into_dev_null_and_into_nothing)
{
        struct stream_conf c = { .process = "p", .path = "/dev/null", .maxbytes = 1 };

        make(c);
        int fd = rig_attach(&rig, s);
        rig_say(fd, "gone");
        rig_settle(&rig);
        expect_ledger(4, 4, 0, 0);
        stream_clear(s);
        c.path = NULL;
        cr_expect(stream_configure(s, &c, &rig.err));
        rig_say(fd, "gone");
        rig_settle(&rig);
        expect_ledger(8, 8, 0, 0);
        cr_expect_null(stream_path(s));
        cr_expect_eq(access("/dev/null", F_OK), 0);
        close(fd);
}

Test(outputs, waits_for_a_device_that_is_full)
{
        struct stream_conf c = { .process = "p", .path = "/dev/full" };

        make(c);
        int fd = rig_attach(&rig, s);
        rig_say(fd, "text");
        rig_settle(&rig);
        expect_ledger(4, 0, 0, 4);
        cr_expect(strstr(rig.detail, "/dev/full: No space left"), "%s", rig.detail);
        c.path = rig_path(&rig, "o");
        cr_expect(stream_configure(s, &c, &rig.err));
        cr_expect(rig_until(&rig, is_written));
        cr_expect(rig_holds(&rig, "o", "text"));
        close(fd);
}

/* Opening the descriptor anew is refused, as it is to a daemon that gave up being root. */
static struct stream *shared(int target, int *fd_out)
{
        teardown();
        setup_fake();
        kernel_fail(&rig.kernel, K_OPEN, 1, EACCES);
        own_descriptor(target, "/dev/fd/40");
        *fd_out = rig_attach(&rig, s);
        return s;
}

Test(outputs, never_waits_for_a_pipe_that_it_cannot_open_anew)
{
        char data[65536];
        int out[2], fd;
        size_t sent = 0, got = 0;
        ssize_t n;

        cr_assert_eq(pipe(out), 0);
        fcntl(out[0], F_SETFL, O_NONBLOCK);
        shared(out[1], &fd);
        memset(data, 'x', sizeof data);
        for (int quiet = 0; quiet < 3;) {
                n = write(fd, data, sizeof data);
                quiet = n > 0 ? 0 : quiet + 1;
                sent += n > 0 ? (size_t)n : 0;
                rig_settle(&rig);
        }
        while (got < sent) {
                n = read(out[0], data, sizeof data);
                got += n > 0 ? (size_t)n : 0;
                ev_run(rig.loop, EVRUN_NOWAIT);
        }
        cr_expect_eq(fcntl(out[1], F_GETFL) & O_NONBLOCK, 0);
        cr_expect_eq(rig.troubles, 0);
        close(fd);
}

Test(outputs, writes_to_a_terminal)
{
        char text[64] = "";
        int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK), fd;

        cr_assert(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
        int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
        cr_assert_geq(slave, 0);
        shared(slave, &fd);
        rig_say(fd, "hello\n");
        rig_settle(&rig);
        cr_expect_eq(read(master, text, sizeof text), 7);
        cr_expect_str_eq(text, "hello\r\n");
        close(fd);
}
