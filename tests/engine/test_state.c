/* What one supervisor writes down, and another one goes on with: on a fake kernel, whose workers
 * are records; so only processes without a living worker go on here. The rest is told end to end.
 */
#include "engine/state.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/orders.h"
#include "house.h"

#define PROGRAMS                                                      \
        "[program:a]\ncommand=/bin/w\nstartsecs=0\n"                  \
        "[program:b]\ncommand=/bin/w\nstartsecs=0\nautostart=false\n" \
        "[program:f]\ncommand=/bin/w\nstartsecs=0\nprocess_name=%(process_num)d\n"

static struct house h;
static char dir[] = "/tmp/state.XXXXXX";
static char path[64];

static void open_house(const char *programs)
{
        struct err e = { 0 };

        house_open(&h, "", programs);
        cr_assert(state_open(&h.sup, path, &e), "%s", e.text);
}

static void setup(void)
{
        cr_assert(mkdtemp(dir));
        snprintf(path, sizeof path, "%s/s", dir);
        open_house(PROGRAMS);
        house_begin(&h);
}

static void leave(bool keep)
{
        state_close(&h.sup, keep);
        house_close(&h);
}

static void teardown(void)
{
        leave(false);
        rmdir(dir);
}

TestSuite(state, .init = setup, .fini = teardown, .timeout = 20);

/* As after a SIGKILL: the records stay, nothing is said to anybody. */
static void succeed(const char *programs)
{
        leave(true);
        open_house(programs);
        house_begin(&h);
}

Test(state, lives_in_a_private_directory)
{
        struct stat st;

        cr_assert_eq(stat(path, &st), 0);
        cr_expect_eq(st.st_mode & 07777, 0700);
        cr_expect_str_eq(state_dir(&h.sup), path);
}

Test(state, is_gone_after_a_clean_stop)
{
        leave(false);
        cr_expect_eq(access(path, F_OK), -1);
        open_house(PROGRAMS);
        house_begin(&h);
        cr_expect_str_eq(house_state(&h, "a"), "RUNNING");
}

Test(state, what_was_stopped_by_order_stays_stopped)
{
        order_stop(&h.sup, house_process(&h, "a"), NULL);
        house_settle(&h);
        cr_assert_str_eq(house_state(&h, "a"), "STOPPED");
        succeed(PROGRAMS);
        cr_expect_str_eq(house_state(&h, "a"), "STOPPED");
}

Test(state, a_worker_that_is_not_there_any_more_is_restarted_by_policy)
{
        succeed(PROGRAMS);
        cr_expect(house_said(&h, "'a' (pid 1000) ended while unsupervised"));
        cr_expect_str_eq(house_state(&h, "b"), "STOPPED");
        house_later(&h, 1000);
        cr_expect_str_eq(house_state(&h, "a"), "RUNNING");
        cr_expect_not(house_process(&h, "a")->ending.known);
}

Test(state, a_scaled_fleet_keeps_its_size)
{
        bool ambiguous;
        struct scale_answer answer;
        struct err e;

        order_scale(&h.sup, registry_fleet(&h.sup.registry, "f", &ambiguous), false, 3, NULL,
                    &answer, &e);
        succeed(PROGRAMS);
        cr_expect_str_neq(house_state(&h, "f:2"), "-");
        succeed("[program:f]\ncommand=/bin/w\nstartsecs=0\nnumprocs=2\n"
                "process_name=%(process_num)d\n");
        cr_expect_str_neq(house_state(&h, "f:1"), "-");
        cr_expect_str_eq(house_state(&h, "f:2"), "-", "numprocs was changed since");
}

Test(state, what_stopped_for_the_end_of_the_daemon_starts_again)
{
        order_shutdown(&h.sup, NULL, "test");
        house_settle(&h);
        cr_assert_str_eq(house_state(&h, "a"), "STOPPED");
        succeed(PROGRAMS);
        cr_expect_str_eq(house_state(&h, "a"), "RUNNING");
}

Test(state, a_second_supervisor_is_refused_and_told_who_is_there)
{
        struct err e = { 0 };
        struct house other;
        int out[2];

        state_sign(&h.sup);
        cr_assert_eq(pipe(out), 0);
        house_open(&other, "", PROGRAMS);
        cr_expect_not(state_open(&other.sup, path, &e));
        cr_expect_eq(e.code, ERR_BUSY);
        char pid[32];
        snprintf(pid, sizeof pid, "pid %d ", (int)getpid());
        cr_expect(strstr(e.text, pid), "%s", e.text);
        house_close(&other);
}

Test(state, where_there_can_be_none_it_goes_on_without)
{
        struct err e = { 0 };

        leave(false);
        house_open(&h, "", PROGRAMS);
        cr_expect(state_open(&h.sup, "/proc/none/state", &e));
        cr_expect_null(h.sup.state);
        cr_expect(house_said(&h, "will not survive"));
        house_begin(&h);
        cr_expect_str_eq(house_state(&h, "a"), "RUNNING");
}
