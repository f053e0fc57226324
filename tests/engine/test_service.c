/* What a service manager hears and holds for us: a real socket stands for it, all else is fake. */
#include "engine/watch/service.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/core/startup.h"
#include "engine/core/worker.h"
#include "engine/persist/fdstore.h"
#include "engine/persist/state.h"
#include "house.h"
#include "sys/store/handover.h"

#define PROGRAMS                                                                                 \
        "[program:a]\ncommand=/bin/w\nstartsecs=0\nstdout_logfile=/tmp/a.log\nredirect_stderr=t" \
        "rue\n"

static struct house h;
static char dir[] = "/tmp/service.XXXXXX";
static char path[64], manager[64];
static int ear = -1; /* the manager's */

static void listen_at(const char *at)
{
        struct sockaddr_un to = { .sun_family = AF_UNIX };

        snprintf(to.sun_path, sizeof to.sun_path, "%s", at);
        ear = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        cr_assert(ear >= 0 && bind(ear, (struct sockaddr *)&to, sizeof to) == 0);
}

static void open_house(void)
{
        struct err e = { 0 };

        house_open(&h, "", PROGRAMS);
        fake_world_env(&h.host, "NOTIFY_SOCKET", manager);
        cr_assert(state_open(&h.sup, path, &e), "%s", e.text);
        fdstore_open(&h.sup);
}

static void setup(void)
{
        cr_assert(mkdtemp(dir));
        snprintf(path, sizeof path, "%s/s", dir);
        snprintf(manager, sizeof manager, "%s/m", dir);
        listen_at(manager);
        open_house();
}

static void teardown(void)
{
        state_close(&h.sup, false);
        house_close(&h);
        fd_close(&ear);
        unlink(manager);
        rmdir(dir);
}

TestSuite(service, .init = setup, .fini = teardown, .timeout = 20);

struct heard {
        char text[512];
        int fds[4], count;
};

/* False: nothing more was said. */
static bool hear(struct heard *out)
{
        union {
                struct cmsghdr head;
                char room[CMSG_SPACE(4 * sizeof(int))];
        } control;
        struct iovec io = { out->text, sizeof out->text - 1 };
        struct msghdr m = { .msg_iov = &io,
                            .msg_iovlen = 1,
                            .msg_control = &control,
                            .msg_controllen = sizeof control };
        ssize_t n = recvmsg(ear, &m, MSG_CMSG_CLOEXEC);

        if (n < 0)
                return false;
        out->text[n] = '\0';
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        out->count = c ? (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int)) : 0;
        if (out->count)
                memcpy(out->fds, CMSG_DATA(c), (size_t)out->count * sizeof(int));
        return true;
}

static void expect_heard(const char *text, int count)
{
        struct heard one = { 0 };

        cr_assert(hear(&one), "nothing instead of %s", text);
        cr_expect_str_eq(one.text, text);
        cr_expect_eq(one.count, count, "%s: %d", text, one.count);
        for (int i = 0; i < one.count; i++)
                close(one.fds[i]);
}

static void expect_silence(void)
{
        struct heard one = { 0 };

        cr_expect_not(hear(&one), "%s", one.text);
}

static const char *worker_name(void)
{
        static char name[GIVEN_NAME_MAX];

        cr_assert(fdstore_name(house_process(&h, "a"), name));
        return name;
}

static void expect_about_worker(const char *form, const char *name, int count)
{
        char text[256];

        snprintf(text, sizeof text, form, name);
        expect_heard(text, count);
}

#define STORED  "FDSTORE=1\nFDNAME=%s\nFDPOLL=0\n"
#define REMOVED "FDSTOREREMOVE=1\nFDNAME=%s\n"

/* ---- notification */

Test(service, is_told_when_it_is_ready_and_when_it_stops)
{
        struct service v;
        char ready[128];

        snprintf(ready, sizeof ready, "READY=1\nMAINPID=%d\nSTATUS=supervising 1 processes\n",
                 (int)getpid());
        service_ready(&v, &h.sup);
        expect_heard(ready, 0);
        shutdown_request(&h.sup, "a test");
        expect_heard("STOPPING=1\n", 0);
        expect_silence();
        service_release(&v);
}

Test(service, that_is_gone_is_said_once)
{
        struct service v;

        fd_close(&ear);
        service_ready(&v, &h.sup);
        cr_expect(house_said(&h, "cannot notify the service manager at "));
        buf_reset(&h.lines);
        service_stays(&v);
        cr_expect_not(house_said(&h, "cannot notify"));
        service_release(&v);
}

/* ---- descriptor store */

Test(service, holds_pipes_and_pidfd_from_the_start_to_the_end)
{
        house_begin(&h);
        const char *name = worker_name();
        expect_about_worker(STORED, name, 2); /* stdin and stdout */
        expect_about_worker(STORED, name, 1);
        expect_silence();
        house_end(&h, "a", KERNEL_EXITED(0));
        house_settle(&h);
        expect_about_worker(REMOVED, name, 0);
}

Test(service, forgets_what_could_not_be_started)
{
        struct heard one = { 0 };

        kernel_fail(&h.kernel, K_SPAWN, 1, EAGAIN);
        house_begin(&h);
        cr_assert(hear(&one) && one.count == 2, "%s", one.text);
        cr_assert(hear(&one) && one.count == 0);
        cr_expect_eq(strncmp(one.text, "FDSTOREREMOVE=1\n", 16), 0, "%s", one.text);
}

Test(service, that_does_not_keep_them_is_said_once_and_nothing_else_suffers)
{
        fd_close(&ear);
        unlink(manager);
        house_begin(&h);
        cr_expect_str_eq(house_state(&h, "a"), "RUNNING");
        cr_expect(house_said(&h, "the service manager does not keep descriptors of 'a'"));
        buf_reset(&h.lines);
        house_end(&h, "a", KERNEL_EXITED(1));
        house_later(&h, 5000);
        cr_expect_str_eq(house_state(&h, "a"), "RUNNING");
        cr_expect_not(house_said(&h, "the service manager"));
}

/* The pipes that the manager holds come back to the next instance, under their names. */
static void give_back(struct handover *to)
{
        struct heard one = { 0 };
        char item[80];

        *to = (struct handover){ .list = -1 };
        cr_assert(hear(&one) && one.count == 2);
        for (int i = 0; i < one.count; i++) {
                struct stat st;
                cr_assert_eq(fstat(one.fds[i], &st), 0);
                handover_pipe_name(item, sizeof item, st.st_ino, handover_pipe_reads(one.fds[i]));
                cr_assert(handover_put_fd(&to->items, item, one.fds[i]));
        }
        cr_assert(strlist_add(&to->names, worker_name()));
        strlist_sort(&to->items);
        while (hear(&one))
                for (int i = 0; i < one.count; i++)
                        close(one.fds[i]);
}

static void succeed(struct handover *given)
{
        state_close(&h.sup, true);
        house_close(&h);
        open_house();
        startup_of(&h.sup)->handover = given;
}

Test(service, the_last_output_of_a_worker_that_ended_unsupervised_is_read)
{
        struct handover given;

        house_begin(&h);
        pid_t pid = house_process(&h, "a")->pid;
        int out = fcntl(kernel_child(&h.kernel, pid)->fds[1], F_DUPFD_CLOEXEC, 0);
        give_back(&given);
        succeed(&given);
        cr_assert_eq(write(out, "the last words\n", 15), 15); /* no instance reads it */
        close(out);
        house_begin(&h);
        cr_expect(house_said(&h, "ended while unsupervised; what it wrote last was kept"), "%s",
                  buf_str(&h.lines));
        while (!kernel_text(&h.kernel, "/tmp/a.log") || !*kernel_text(&h.kernel, "/tmp/a.log"))
                ev_run(h.sup.loop, EVRUN_ONCE);
        cr_expect_str_eq(kernel_text(&h.kernel, "/tmp/a.log"), "the last words\n");
        startup_of(&h.sup)->handover = NULL;
        handover_release(&given);
}

Test(service, without_its_descriptors_the_last_words_are_lost_and_that_is_said)
{
        house_begin(&h);
        succeed(NULL);
        house_begin(&h);
        cr_expect(house_said(&h, "'a' (pid 1000) ended while unsupervised"));
        cr_expect_not(house_said(&h, "what it wrote last was kept"));
}

Test(service, is_asked_to_drop_what_belongs_to_no_worker)
{
        struct handover given = { .list = -1 };

        cr_assert(strlist_add(&given.names, "worker-4711"));
        startup_of(&h.sup)->handover = &given;
        house_begin(&h);
        expect_heard("FDSTOREREMOVE=1\nFDNAME=worker-4711\n", 0);
        startup_of(&h.sup)->handover = NULL;
        handover_release(&given);
}
