#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "engine/core/startup.h"
#include "engine/core/worker.h"
#include "engine/watch/probes.h"
#include "house.h"

#define W     "command=/bin/w\nstdout_logfile=NONE\nstderr_logfile=NONE\n"
#define QUICK W "startsecs=0\n"

static struct house h;

static void teardown(void)
{
        house_close(&h);
}

TestSuite(supervisor, .fini = teardown, .timeout = 30);

static void open_and_begin(const char *body)
{
        house_open(&h, "", body);
        house_begin(&h);
}

static enum fault stop(const char *name)
{
        return order_stop(&h.sup, house_process(&h, name), NULL);
}

static enum fault start(const char *name)
{
        struct err e = { 0 };

        return order_start(&h.sup, house_process(&h, name), NULL, &e);
}

Test(supervisor, starts_by_priority_and_then_by_name)
{
        open_and_begin("[program:z]\n" QUICK "priority=1\n[program:b]\n" QUICK "[program:a]\n" QUICK
                       "[program:off]\n" QUICK "autostart=false\n");
        cr_expect_str_eq(buf_str(&h.events), "z:STOPPED>STARTING z:STARTING>RUNNING "
                                             "a:STOPPED>STARTING a:STARTING>RUNNING "
                                             "b:STOPPED>STARTING b:STARTING>RUNNING ");
        cr_expect_str_eq(house_state(&h, "off"), "STOPPED");
}

Test(supervisor, says_why_a_worker_is_unhealthy)
{
        static const char said[] = "connect: \033[2Jrefused\nmore";

        open_and_begin("[program:web]\n" QUICK "healthcheck=exec:/bin/w\nhealthcheck_retries=1\n"
                       "healthcheck_action=none\n");
        supervisor_probed(&h.sup, house_process(&h, "web"), false, said, sizeof said - 1);
        cr_expect(
            house_said(&h, "WARN health: web is unhealthy (was starting): connect: ?[2Jrefused\n"));
        supervisor_probed(&h.sup, house_process(&h, "web"), true, "fine", 4);
        cr_expect(house_said(&h, "INFO health: web is healthy (was unhealthy)\n"));
}

Test(supervisor, kills_a_worker_that_ignores_the_stop_signal)
{
        open_and_begin("[program:web]\n" QUICK "stopsignal=INT\nstopwaitsecs=7\n");
        h.kernel.obeys_term = false;
        pid_t pid = house_process(&h, "web")->pid;
        cr_expect_eq(stop("web"), FAULT_NONE);
        cr_expect_eq(kernel_kills(&h.kernel, pid, SIGINT), 1);
        house_later(&h, 6900);
        cr_expect_eq(kernel_kills(&h.kernel, pid, SIGKILL), 0);
        house_later(&h, 7100);
        cr_expect_eq(kernel_kills(&h.kernel, pid, SIGKILL), 1);
        reaper_drain(&h.sup);
        cr_expect_str_eq(house_state(&h, "web"), "STOPPED");
        cr_expect(house_said(&h, "stopped: web (terminated by SIGKILL)"));
}

Test(supervisor, signals_the_group_only_when_told_to)
{
        open_and_begin("[program:one]\n" QUICK "[program:all]\n" QUICK "stopasgroup=true\n");
        pid_t one = house_process(&h, "one")->pid, all = house_process(&h, "all")->pid;
        stop("one");
        stop("all");
        cr_expect_eq(kernel_kills(&h.kernel, one, SIGTERM), 1);
        cr_expect_eq(kernel_kills(&h.kernel, -all, SIGTERM), 1);
}

Test(supervisor, restarts_a_crashed_worker_at_once_and_then_waits)
{
        open_and_begin("[program:web]\n" QUICK "restart_jitter=0\n");
        house_end(&h, "web", KERNEL_KILLED(SIGSEGV));
        house_later(&h, 0);
        cr_expect_str_eq(house_state(&h, "web"), "RUNNING");
        house_end(&h, "web", KERNEL_EXITED(3));
        house_later(&h, 0);
        cr_expect_str_eq(house_state(&h, "web"), "EXITED");
        house_later(&h, 1100);
        cr_expect_str_eq(house_state(&h, "web"), "RUNNING");
        cr_expect(house_said(&h, "exited: web (terminated by SIGSEGV; not expected)"));
}

Test(supervisor, stops_a_worker_that_waits_for_its_restart)
{
        open_and_begin("[program:web]\n" QUICK);
        house_end(&h, "web", KERNEL_EXITED(3));
        house_end(&h, "web", KERNEL_EXITED(3));
        house_later(&h, 0);
        if (house_process(&h, "web")->pid)
                house_end(&h, "web", KERNEL_EXITED(3));
        cr_expect_str_eq(house_state(&h, "web"), "EXITED");
        cr_expect_eq(stop("web"), FAULT_NONE);
        house_later(&h, 100000);
        cr_expect_str_eq(house_state(&h, "web"), "STOPPED");
}

Test(supervisor, gives_up_after_one_start_and_startretries_more)
{
        open_and_begin("[program:bad]\n" W "startretries=2\nstartsecs=600\n");
        for (int i = 0; i < 3; i++) {
                house_end(&h, "bad", KERNEL_EXITED(1));
                house_later(&h, 70000);
        }
        cr_expect_str_eq(house_state(&h, "bad"), "FATAL");
        cr_expect_eq(h.kernel.child_count, 3);
        cr_expect(house_said(&h, "gave up: bad entered FATAL state, too many start retries"));
}

static void refuse(enum kernel_call call, int error, const char *spawnerr)
{
        house_open(&h, "", "[program:a]\n" QUICK "[program:b]\n" QUICK "[program:c]\n" QUICK);
        kernel_fail(&h.kernel, call, 1, error);
        house_begin(&h);
        const struct process *a = house_process(&h, "a");
        cr_expect_str_eq(house_state(&h, "a"), "BACKOFF");
        cr_expect_str_eq(house_state(&h, "b"), "RUNNING");
        cr_expect_str_eq(house_state(&h, "c"), "RUNNING");
        cr_assert(process_spawnerr(a));
        cr_expect(strstr(process_spawnerr(a), spawnerr), "%s", process_spawnerr(a));
        house_later(&h, 1200);
        cr_expect_str_eq(house_state(&h, "a"), "RUNNING", "it recovers");
}

Test(supervisor, backs_off_when_there_are_no_descriptors)
{
        refuse(K_PIPE, EMFILE, "too many open files to spawn 'a'");
}

/* The daemon is to blame, and not the program: that is no reason to give it up. */
Test(supervisor, does_not_give_up_a_program_for_want_of_descriptors)
{
        static const struct {
                enum kernel_call call;
                int error;
        } shorts[] = {
                { K_PIPE, EMFILE }, { K_PIPE, ENFILE }, { K_SPAWN, EMFILE }, { K_SPAWN, ENFILE }
        };

        for (size_t k = 0; k < sizeof shorts / sizeof *shorts; k++) {
                house_open(&h, "", "[program:a]\n" QUICK "startretries=1\nrestart_limit=1/1h\n");
                kernel_fail(&h.kernel, shorts[k].call, 0, shorts[k].error);
                house_begin(&h);
                for (int i = 1; i <= 20; i++) {
                        house_later(&h, 1200 * i);
                        cr_expect_str_eq(house_state(&h, "a"), "BACKOFF", "%zu, try %d", k, i);
                        cr_expect_str_eq(process_spawnerr(house_process(&h, "a")),
                                         "too many open files to spawn 'a'", "%zu", k);
                }
                kernel_mend(&h.kernel, shorts[k].call);
                house_later(&h, 1200 * 21);
                cr_expect_str_eq(house_state(&h, "a"), "RUNNING", "%zu", k);
                house_close(&h);
        }
        house_open(&h, "", "");
}

/* A worker takes six numbers here: room for one and a half of them below the reserve. */
Test(supervisor, keeps_the_last_descriptors_for_its_operators)
{
        house_open(&h, "", "[program:a]\n" QUICK "[program:b]\n" QUICK "[program:c]\n" QUICK);
        int free_from = dup(0);
        close(free_from);
        rlim_t most = ((rlim_t)free_from + 10) * 8 / 7;
        startup_of(&h.sup)->limits.nofile = (struct rlimit){ most, most };
        house_begin(&h);
        cr_expect_str_eq(house_state(&h, "a"), "RUNNING");
        cr_expect_str_eq(house_state(&h, "c"), "BACKOFF");
        cr_expect_str_eq(house_process(&h, "c")->spawnerr, "too many open files to spawn 'c'");
}

Test(supervisor, backs_off_when_a_pipe_cannot_be_made)
{
        refuse(K_PIPE, ENOMEM, "unknown error making dispatchers for 'a': ENOMEM");
}

Test(supervisor, backs_off_when_there_are_too_many_processes)
{
        refuse(K_SPAWN, EAGAIN, "Too many processes in process table to spawn 'a'");
}

Test(supervisor, backs_off_when_clone_fails_otherwise)
{
        refuse(K_SPAWN, ENOMEM, "unknown error during fork for 'a': ENOMEM");
}

Test(supervisor, says_which_step_of_a_start_failed)
{
        house_open(&h, "", "[program:a]\n" QUICK "directory=/nowhere\n");
        h.kernel.spawn_fails_step = STEP_DIRECTORY;
        kernel_fail(&h.kernel, K_SPAWN, 1, ENOENT);
        house_begin(&h);
        cr_expect_str_eq(house_process(&h, "a")->spawnerr,
                         "couldn't chdir to /nowhere: No such file or directory");
}

/* Whatever call is refused, and whenever: the daemon goes on, no process has two workers, and in
 * the end all run. */
static void refuse_in_turn(enum kernel_call call, int error)
{
        for (long nth = 1; nth <= 12; nth++) {
                house_open(&h, "",
                           "[program:w]\ncommand=/bin/w\nstartsecs=0\nnumprocs=3\nstartretries=20\n"
                           "process_name=w%(process_num)d\nstdout_logfile=/tmp/w.log\n"
                           "stderr_logfile=NONE\n");
                kernel_fail(&h.kernel, call, nth, error);
                house_begin(&h);
                house_later(&h, 100000);
                if (house_process(&h, "w:w0")->pid)
                        house_end(&h, "w:w0", KERNEL_KILLED(SIGKILL));
                for (int i = 1; i < 8; i++)
                        house_later(&h, 100000 * i);
                kernel_mend(&h.kernel, call);
                for (int i = 8; i < 12; i++)
                        house_later(&h, 100000 * i);
                for (int i = 0; i < h.sup.registry.groups[0]->count; i++)
                        cr_expect_str_eq(pstate_name(h.sup.registry.groups[0]->procs[i]->state),
                                         "RUNNING", "call %d, nth %ld: %s", (int)call, nth,
                                         buf_str(&h.lines));
                size_t alive = 0;
                for (size_t i = 0; i < h.kernel.child_count; i++)
                        alive += h.kernel.children[i]->alive;
                cr_expect_eq(alive, 3, "call %d, nth %ld", (int)call, nth);
                house_close(&h);
        }
        house_open(&h, "", "");
}

Test(supervisor, survives_a_refusal_of_spawn)
{
        refuse_in_turn(K_SPAWN, EAGAIN);
}

Test(supervisor, survives_a_refusal_of_pipe)
{
        refuse_in_turn(K_PIPE, EMFILE);
}

Test(supervisor, survives_a_refusal_of_open)
{
        refuse_in_turn(K_OPEN, EACCES);
}

Test(supervisor, survives_a_refusal_of_stat)
{
        refuse_in_turn(K_STAT, EIO);
}

Test(supervisor, survives_a_refusal_of_fstat)
{
        refuse_in_turn(K_FSTAT, EIO);
}

Test(supervisor, survives_a_refusal_of_read)
{
        refuse_in_turn(K_READ, EIO);
}

Test(supervisor, a_failed_kill_makes_the_state_unknown)
{
        open_and_begin("[program:web]\n" QUICK);
        kernel_fail(&h.kernel, K_KILL, 1, EPERM);
        stop("web");
        cr_expect_str_eq(house_state(&h, "web"), "UNKNOWN");
        cr_expect(house_said(&h, "CRIT unknown problem killing web"));
}

Test(supervisor, takes_a_kill_of_a_worker_that_just_exited_for_its_exit)
{
        open_and_begin("[program:web]\n" QUICK);
        pid_t pid = house_process(&h, "web")->pid;
        h.kernel.hold_reaps = true;
        kernel_end(&h.kernel, pid, KERNEL_EXITED(0));
        cr_expect_eq(stop("web"), FAULT_NONE);
        h.kernel.hold_reaps = false;
        reaper_drain(&h.sup);
        cr_expect_str_eq(house_state(&h, "web"), "STOPPED");
}

Test(supervisor, reaps_in_any_order)
{
        open_and_begin("[program:w]\n" QUICK "numprocs=5\nprocess_name=w%(process_num)d\n"
                       "autorestart=false\n");
        h.kernel.newest_first = true;
        for (int i = 0; i < 5; i++)
                kernel_end(&h.kernel, h.sup.registry.groups[0]->procs[i]->pid, KERNEL_EXITED(i));
        reaper_drain(&h.sup);
        for (int i = 0; i < 5; i++)
                cr_expect_eq(h.sup.registry.groups[0]->procs[i]->ending.code, i);
}

Test(supervisor, names_an_unknown_child_that_it_reaps)
{
        open_and_begin("[program:web]\n" QUICK);
        kernel_end(&h.kernel, 77777, KERNEL_EXITED(4));
        reaper_drain(&h.sup);
        cr_expect(house_said(&h, "reaped unknown pid 77777 (exit status 4)"));
        cr_expect_str_eq(house_state(&h, "web"), "RUNNING");
}

Test(supervisor, ends_with_3_when_a_program_that_matters_is_fatal)
{
        house_open(&h, "", "[program:web]\n" W "startretries=0\non_fatal=shutdown\n");
        house_begin(&h);
        house_end(&h, "web", KERNEL_EXITED(1));
        house_later(&h, 0);
        cr_expect_eq(h.sup.exit_code, 3);
        cr_expect_eq(h.sup.daemon_state, DAEMON_SHUTDOWN);
}

Test(supervisor, answers_a_waiter_when_the_worker_is_up)
{
        struct waiter w = { 0 };
        enum fault f;

        open_and_begin("[program:web]\n" W "startsecs=5\nautostart=false\n");
        cr_expect_eq(start("web"), FAULT_NONE);
        cr_expect_not(waiter_add(&h.sup, &w, house_process(&h, "web"), WAIT_FOR_STARTED, &f));
        waiter_cancel(&w);
        house_later(&h, 5100);
        cr_expect(waiter_add(&h.sup, &w, house_process(&h, "web"), WAIT_FOR_STARTED, &f));
        cr_expect_eq(f, FAULT_NONE);
        cr_expect_eq(start("web"), FAULT_ALREADY_STARTED);
}

static void note_answer(void *arg, struct process *p, enum fault f)
{
        (void)p;
        *(enum fault *)arg = f;
}

Test(supervisor, answers_a_caller_whose_stop_another_order_makes_a_restart)
{
        enum fault answer = FAULT_FAILED, f;
        struct waiter stopped = { .on_done = note_answer, .arg = &answer };

        open_and_begin("[program:web]\n" QUICK);
        cr_expect_eq(stop("web"), FAULT_NONE);
        cr_expect_not(waiter_add(&h.sup, &stopped, house_process(&h, "web"), WAIT_FOR_STOPPED, &f));
        cr_expect_eq(order_restart(&h.sup, house_process(&h, "web"), NULL, NULL), FAULT_NONE);
        house_end(&h, "web", KERNEL_EXITED(0));
        cr_expect_eq(answer, FAULT_NONE);
        cr_expect_str_eq(house_state(&h, "web"), "RUNNING");
}

Test(supervisor, refuses_what_makes_no_sense)
{
        struct err e = { 0 };

        open_and_begin("[program:off]\n" QUICK "autostart=false\n"
                       "[program:missing]\ncommand=/no/such\nautostart=false\n");
        cr_expect_eq(stop("off"), FAULT_NOT_RUNNING);
        cr_expect_eq(order_signal(&h.sup, house_process(&h, "off"), SIGHUP, NULL),
                     FAULT_NOT_RUNNING);
        cr_expect_eq(order_start(&h.sup, house_process(&h, "missing"), NULL, &e), FAULT_NO_FILE);
        cr_expect_str_eq(e.text, "can't find command '/no/such'");
}
