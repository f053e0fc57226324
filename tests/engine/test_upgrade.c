/* Another binary is asked whether it can take over, and what the next image is given. On the fake
 * kernel: the check is a record that says what a test wants. */
#include "engine/order/upgrade.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/core/startup.h"
#include "engine/core/worker.h"
#include "engine/persist/state.h"
#include "house.h"
#include "sys/store/handover.h"

#define PROGRAMS "[program:a]\ncommand=/bin/w\nstartsecs=0\nstderr_logfile=NONE\n"
#define BINARY   "/bin/sh" /* something that can be executed */
#define GOOD     "/etc/s.conf: good: 1 program\n"

static struct house h;
static char dir[] = "/tmp/upgrade.XXXXXX";
static char path[64];
static struct buf taken, answer; /* what on_upgrade and who asked were told */

static void take_over(struct supervisor *s, const char *binary)
{
        (void)s;
        buf_puts(&taken, binary);
}

static void on_checked(void *arg, bool ok, const char *why)
{
        (void)arg;
        buf_printf(&answer, "%s %s", ok ? "ok" : "no", why);
}

static void setup(void)
{
        struct err e = { 0 };

        cr_assert(mkdtemp(dir));
        snprintf(path, sizeof path, "%s/s", dir);
        house_open(&h, "", PROGRAMS);
        cr_assert(state_open(&h.sup, path, &e), "%s", e.text);
        startup_of(&h.sup)->on_upgrade = take_over;
        house_begin(&h);
}

static void teardown(void)
{
        state_close(&h.sup, false);
        house_close(&h);
        buf_release(&taken);
        buf_release(&answer);
        rmdir(dir);
}

TestSuite(upgrade, .init = setup, .fini = teardown, .timeout = 20);

static pid_t begin(void)
{
        struct err e = { 0 };

        cr_assert(upgrade_begin(&h.sup, BINARY, NULL, on_checked, NULL, &e), "%s", e.text);
        return kernel_newest(&h.kernel)->pid;
}

static void says(const char *text, int status)
{
        pid_t pid = begin();

        cr_assert(kernel_say(&h.kernel, pid, 1, text));
        kernel_end(&h.kernel, pid, status);
        reaper_drain(&h.sup);
}

static void expect_refused(const char *why)
{
        cr_expect(strstr(buf_str(&answer), "no ") == buf_str(&answer));
        cr_expect(strstr(buf_str(&answer), why), "%s", buf_str(&answer));
        cr_expect(house_said(&h, "not upgraded: " BINARY " --check -c /etc/s.conf: "));
        cr_expect_eq(taken.len, 0);
        cr_expect_str_eq(house_state(&h, "a"), "RUNNING");
        cr_expect_eq(h.kernel.kill_count, 0, "its workers hear nothing of it");
        buf_reset(&answer);
        begin(); /* and another may be tried */
}

Test(upgrade, a_binary_that_finds_the_file_good_takes_over)
{
        says("a warning\n" GOOD, KERNEL_EXITED(0));
        cr_expect_str_eq(buf_str(&answer), "ok ");
        cr_expect_str_eq(buf_str(&taken), BINARY);
}

Test(upgrade, a_binary_that_says_something_else_is_refused)
{
        says("hello\n", KERNEL_EXITED(0));
        expect_refused("does not answer as a supervisord does");
}

Test(upgrade, one_that_says_it_before_something_else_is_refused)
{
        says(GOOD "hello\n", KERNEL_EXITED(0));
        expect_refused("does not answer as a supervisord does");
}

Test(upgrade, one_that_says_nothing_is_refused)
{
        says("", KERNEL_EXITED(0));
        expect_refused("does not answer as a supervisord does");
}

Test(upgrade, one_that_cannot_read_the_file_is_refused_with_its_first_error)
{
        says("a warning\n/etc/s.conf:3: error: no such key\nerror: more\n", KERNEL_EXITED(2));
        expect_refused("/etc/s.conf:3: error: no such key");
}

Test(upgrade, one_that_says_good_and_dies_is_refused)
{
        says(GOOD, KERNEL_KILLED(SIGSEGV));
        expect_refused("SIGSEGV");
}

Test(upgrade, one_that_cannot_be_executed_is_refused_with_the_reason)
{
        h.kernel.spawn_takes_time = true;
        pid_t pid = begin();
        kernel_started(&h.kernel, pid, STEP_EXEC, ENOEXEC);
        kernel_end(&h.kernel, pid, KERNEL_EXITED(127));
        reaper_drain(&h.sup);
        expect_refused(strerror(ENOEXEC));
}

Test(upgrade, one_check_at_a_time)
{
        struct err e = { 0 };

        begin();
        cr_expect_not(upgrade_begin(&h.sup, BINARY, NULL, on_checked, NULL, &e));
        cr_expect_eq(e.code, ERR_BUSY);
}

Test(upgrade, a_caller_that_is_gone_is_told_nothing)
{
        pid_t pid = begin();

        upgrade_forget(&h.sup, NULL);
        kernel_say(&h.kernel, pid, 1, GOOD);
        kernel_end(&h.kernel, pid, KERNEL_EXITED(0));
        reaper_drain(&h.sup);
        cr_expect_eq(answer.len, 0);
        cr_expect_str_eq(buf_str(&taken), BINARY);
}

Test(upgrade, while_the_daemon_ends_none_takes_over)
{
        pid_t pid = begin();

        h.kernel.obeys_term = false;
        shutdown_request(&h.sup, "a test");
        kernel_say(&h.kernel, pid, 1, GOOD);
        kernel_end(&h.kernel, pid, KERNEL_EXITED(0));
        reaper_drain(&h.sup);
        cr_expect(strstr(buf_str(&answer), "the daemon is ending"), "%s", buf_str(&answer));
        cr_expect_eq(taken.len, 0);
}

Test(upgrade, an_image_that_cannot_be_started_is_refused_at_once)
{
        struct err e = { 0 };

        kernel_fail(&h.kernel, K_SPAWN, 1, EAGAIN);
        cr_expect_not(upgrade_begin(&h.sup, BINARY, NULL, on_checked, NULL, &e));
        cr_expect(strstr(e.text, strerror(EAGAIN)), "%s", e.text);
        cr_expect_not(upgrade_begin(&h.sup, "sh", NULL, on_checked, NULL, &e));
        cr_expect_eq(e.code, ERR_USAGE);
        cr_expect_not(upgrade_begin(&h.sup, "/bin/none", NULL, on_checked, NULL, &e));
        cr_expect_eq(answer.len, 0);
        begin();
}

Test(upgrade, without_the_state_directory_there_is_none)
{
        struct err e = { 0 };

        state_close(&h.sup, false);
        cr_expect_not(upgrade_begin(&h.sup, BINARY, NULL, on_checked, NULL, &e));
        cr_expect_eq(e.code, ERR_USAGE);
        cr_expect_eq(kernel_newest(&h.kernel)->pid, house_process(&h, "a")->pid);
}

Test(upgrade, the_next_image_is_given_the_pipes_of_living_workers)
{
        AUTO_STRLIST items = STRLIST_INIT;
        const struct footprint *m = &house_process(&h, "a")->worker->mark;
        char name[48];
        bool found = false;

        cr_assert(upgrade_hand_over(&h.sup, &items));
        handover_pipe_name(name, sizeof name, m->pipes[1], true);
        for (size_t i = 0; i < items.count; i++)
                found = found || strncmp(items.items[i], name, strlen(name)) == 0;
        cr_expect(found, "%s", name);
        kernel_end(&h.kernel, house_process(&h, "a")->pid, KERNEL_EXITED(0));
}
