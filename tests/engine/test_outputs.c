/* What workers get as 1 and 2. */
#include <criterion/criterion.h>
#include <errno.h>

#include "engine/run/pipes.h"
#include "house.h"

#define W "[program:w]\ncommand=/bin/w\nstartsecs=0\nautorestart=false\n"

static struct house h;

static void teardown(void)
{
        house_close(&h);
}

TestSuite(outputs, .fini = teardown, .timeout = 30);

static void begin(const char *body, enum log_level level)
{
        house_open(&h, "", body);
        h.log.level = level;
        kernel_file(&h.kernel, "/dev/null", "", 0100666);
        house_begin(&h);
}

static long pipes(void)
{
        return h.kernel.calls[K_PIPE];
}

Test(outputs, without_a_log_go_to_the_null_device_which_is_opened_once)
{
        begin(W "numprocs=3\nprocess_name=%(process_num)d\nstdout_logfile=NONE\n"
                "stderr_logfile=NONE\n",
              LVL_INFO);
        cr_expect_str_eq(house_state(&h, "w:2"), "RUNNING");
        cr_expect_eq(pipes(), 3, "one for each stdin");
        cr_expect_eq(h.kernel.calls[K_OPEN], 3 + 1, "a pipe's end, or the device");
        cr_expect_eq(h.kernel.calls[K_FCHOWN], 0);
        house_end(&h, "w:1", KERNEL_EXITED(0));
        cr_expect_str_eq(house_state(&h, "w:1"), "EXITED", "nothing has to be waited for");
}

Test(outputs, are_read_where_an_event_or_the_main_log_wants_them)
{
        begin(W "stdout_logfile=NONE\nstderr_logfile=NONE\nstdout_events_enabled=true\n", LVL_INFO);
        cr_expect_eq(pipes(), 2);
        house_close(&h);
        begin(W "stdout_logfile=NONE\nstderr_logfile=NONE\n", LVL_DEBUG);
        cr_expect_eq(pipes(), 3);
}

Test(outputs, need_the_null_device)
{
        house_open(&h, "", W "stdout_logfile=NONE\nstderr_logfile=NONE\n");
        h.log.level = LVL_INFO;
        kernel_fail(&h.kernel, K_OPEN, 0, ENOENT);
        house_begin(&h);
        cr_expect_str_eq(house_state(&h, "w"), "BACKOFF");
        cr_expect(house_said(&h, "unknown error making dispatchers for 'w': ENOENT"));
        kernel_mend(&h.kernel, K_OPEN);
        house_later(&h, 10000);
        cr_expect_str_eq(house_state(&h, "w"), "RUNNING");
}

Test(outputs, are_counted_before_they_come)
{
        house_open(&h, "",
                   "[program:a]\ncommand=/bin/w\nnumprocs=10\nprocess_name=%(process_num)d\n"
                   "[program:b]\ncommand=/bin/w\nredirect_stderr=true\n"
                   "[program:c]\ncommand=/bin/w\nstdout_logfile=NONE\nstderr_logfile=NONE\n");
        cr_expect_eq(pipes_descriptors(&h.sup), 10 * 5 + 3 + 1);
}
