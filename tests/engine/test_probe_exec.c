#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "engine/core/bus.h"
#include "probe_rig.h"

static struct probe_rig rig;

TestSuite(probe_exec, .timeout = 30);

static void expect(const char *command, bool ok, const char *output)
{
        probe_rig_init(&rig, CHECK_EXEC, command);
        probe_rig_expect(&rig, ok, output);
        probe_rig_release(&rig);
}

static void script(const char *text)
{
        char path[96], command[128];
        snprintf(path, sizeof path, "%s/check", rig.dir);
        FILE *f = fopen(path, "w");

        cr_assert(f);
        fputs(text, f);
        fclose(f);
        snprintf(command, sizeof command, "/bin/sh %s", path);
        free(rig.program->healthcheck.target);
        rig.program->healthcheck.target = strdup(command);
        free(rig.program->directory);
        rig.program->directory = strdup(rig.dir);
}

static size_t lines_in(const char *name)
{
        char path[96], line[256];
        size_t count = 0;
        snprintf(path, sizeof path, "%s/%s", rig.dir, name);
        FILE *f = fopen(path, "r");

        while (f && fgets(line, sizeof line, f))
                count++;
        if (f)
                fclose(f);
        return count;
}

static long number_in(const char *name)
{
        char path[96];
        long n = 0;
        snprintf(path, sizeof path, "%s/%s", rig.dir, name);
        FILE *f = fopen(path, "r");

        if (f && fscanf(f, "%ld", &n) != 1)
                n = 0;
        if (f)
                fclose(f);
        return n;
}

Test(probe_exec, takes_exit_zero_for_well)
{
        expect("true", true, "");
}

Test(probe_exec, says_how_it_ended_when_it_printed_nothing)
{
        expect("/bin/sh -c 'exit 7'", false, "exit status 7");
        expect("/bin/sh -c 'kill -9 $$'", false, "terminated by SIGKILL");
}

Test(probe_exec, keeps_what_it_printed_on_either_channel)
{
        expect("/bin/sh -c 'echo out; echo err >&2; exit 1'", false, "out\nerr\n");
        expect("echo fine", true, "fine\n");
}

Test(probe_exec, splits_words_without_a_shell)
{
        expect("echo '$HOME ;|*'  \"a b\"", true, "$HOME ;|* a b\n");
}

Test(probe_exec, keeps_the_first_kibibyte_and_swallows_the_rest)
{
        probe_rig_init(&rig, CHECK_EXEC, "true");
        script("echo begin; head -c 300000 /dev/zero | tr '\\0' x; exit 0\n");
        struct probe_last last = probe_rig_ask(&rig);
        cr_expect(last.ok);
        cr_expect_eq(last.output_len, 1024);
        cr_expect_eq(strncmp(last.output, "begin\nxxx", 9), 0);
        probe_rig_release(&rig);
}

Test(probe_exec, runs_in_the_workers_environment_and_directory)
{
        char want[256];

        probe_rig_init(&rig, CHECK_EXEC, "true");
        script("echo $SUPERVISOR_ENABLED $SUPERVISOR_PROCESS_NAME $SUPERVISOR_GROUP_NAME $COLOUR\n"
               "pwd; read x || echo no stdin\n");
        rig.program->environment = strdup("COLOUR=\"green\"");
        snprintf(want, sizeof want, "1 web_3 web green\n%s\nno stdin\n", rig.dir);
        probe_rig_expect(&rig, true, want);
        probe_rig_release(&rig);
}

Test(probe_exec, expands_the_target_per_process)
{
        expect("echo port 80%(process_num)02d of %(group_name)s", true, "port 8003 of web\n");
}

Test(probe_exec, says_what_is_wrong_with_the_command)
{
        expect("/no/such/check", false, "can't find command '/no/such/check'");
        expect("echo 'open", false, "No closing quotation");
}

/* No second one writes to the files of the first while they are looked at. */
static void ask_only_once(void)
{
        rig.program->healthcheck_interval_ms = 60000;
        rig.program->healthcheck_start_interval_ms = 60000;
        rig.process->health = (struct health){ 0 };
        rig.fleet.replicas = 100000; /* the first one comes at once */
}

static bool killed_too(struct probe_rig *r)
{
        return r->stray >= 2; /* both sleeps; the shell itself is the probe */
}

Test(probe_exec, is_killed_with_its_whole_group_when_time_is_up)
{
        probe_rig_init(&rig, CHECK_EXEC, "true");
        prctl(PR_SET_CHILD_SUBREAPER, 1);           /* so that we see the grandchild end */
        rig.program->healthcheck_timeout_ms = 1500; /* it has to get as far as its last line */
        script("sleep 1000 & echo $! >kid; sleep 1000 & echo waiting; wait\n");
        ask_only_once();
        struct probe_last last = probe_rig_ask(&rig);
        cr_expect_not(last.ok);
        cr_expect_str_eq(last.output, "timed out after 1500ms\nwaiting\n");
        cr_expect_geq(last.duration_ms, 1490);
        cr_expect_lt(last.duration_ms, 8000);
        pid_t kid = (pid_t)number_in("kid");
        cr_assert_gt(kid, 0);
        cr_expect(probe_rig_run(&rig, killed_too), "the grandchild lives on");
        cr_expect_eq(kill(kid, 0), -1);
        probe_rig_release(&rig);
}

static bool leftover_ended(struct probe_rig *r)
{
        return r->stray >= 1;
}

Test(probe_exec, does_not_wait_for_left_over_children_and_ends_them)
{
        probe_rig_init(&rig, CHECK_EXEC, "true");
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        script("sleep 1000 & echo $! >kid; echo done\n");
        ask_only_once();
        struct probe_last last = probe_rig_ask(&rig);
        cr_expect(last.ok);
        cr_expect_str_eq(last.output, "done\n");
        cr_expect_lt(last.duration_ms, 4000);
        cr_expect(probe_rig_run(&rig, leftover_ended), "it lives on");
        cr_expect_eq(kill((pid_t)number_in("kid"), 0), -1);
        probe_rig_release(&rig);
}

static bool ran_often(struct probe_rig *r)
{
        (void)r;
        return lines_in("runs") >= 8;
}

Test(probe_exec, never_runs_twice_at_once)
{
        probe_rig_init(&rig, CHECK_EXEC, "true");
        rig.program->healthcheck_interval_ms = 1;
        rig.program->healthcheck_start_interval_ms = 1;
        script("mkdir lock || echo overlap >>overlaps\necho run >>runs\nsleep 0.03\nrmdir lock\n");
        probe_rig_begin(&rig);
        cr_expect(probe_rig_run(&rig, ran_often));
        cr_expect_eq(lines_in("overlaps"), 0);
        probe_rig_release(&rig);
}

static bool is_under_way(struct probe_rig *r)
{
        (void)r;
        return number_in("self") > 0;
}

static bool nothing_to_reap(struct probe_rig *r)
{
        return !probe_owns(&r->s, (pid_t)number_in("self"));
}

Test(probe_exec, is_cut_off_and_forgotten_when_the_worker_ends)
{
        probe_rig_init(&rig, CHECK_EXEC, "true");
        script("echo $$ >self; sleep 1000\n");
        probe_rig_begin(&rig);
        cr_assert(probe_rig_run(&rig, is_under_way));
        cr_expect(probe_owns(&rig.s, (pid_t)number_in("self")));
        probe_end(rig.process->worker);
        cr_expect(probe_rig_run(&rig, nothing_to_reap), "it was not killed");
        probe_rig_rest(&rig, 60);
        cr_expect_not(probe_rig_last(&rig).any, "a result came all the same");
        cr_expect_eq(rig.stray, 0);
        probe_rig_release(&rig);
}

Test(probe_exec, keeps_the_last_result_until_it_begins_anew)
{
        probe_rig_init(&rig, CHECK_EXEC, "echo fine");
        probe_rig_expect(&rig, true, "fine\n");
        probe_end(rig.process->worker);
        cr_expect_str_eq(probe_rig_last(&rig).output, "fine\n");
        probe_rig_begin(&rig);
        cr_expect_not(probe_rig_last(&rig).any);
        probe_rig_release(&rig);
}

static bool no_spawn(struct sys *s, const struct launch *l, struct spawned *out)
{
        (void)s, (void)l;
        *out = (struct spawned){ .step = STEP_CLONE, .error = EAGAIN };
        return false;
}

static int no_pipe(struct sys *s, int fds[2])
{
        (void)s, (void)fds;
        errno = EMFILE;
        return -1;
}

static int no_open(struct sys *s, const char *path, int flags, mode_t mode)
{
        (void)s, (void)path, (void)flags, (void)mode;
        errno = ENFILE;
        return -1;
}

Test(probe_exec, fails_with_the_reason_when_it_cannot_be_started)
{
        struct sys broken;
        static const char *const reasons[] = {
                "couldn't create a process: Resource temporarily unavailable",
                "make a pipe: Too many open files",
                "open /dev/null: Too many open files in system",
        };

        for (int i = 0; i < 3; i++) {
                probe_rig_init(&rig, CHECK_EXEC, "true");
                broken = *sys_real();
                if (i == 0)
                        broken.spawn = no_spawn;
                else if (i == 1)
                        broken.pipe = no_pipe;
                else
                        broken.open = no_open;
                rig.s.sys = &broken;
                probe_rig_expect(&rig, false, reasons[i]);
                probe_rig_release(&rig);
        }
}

static bool asked_thrice(struct probe_rig *r)
{
        (void)r;
        return lines_in("runs") >= 3;
}

Test(probe_exec, asks_again_and_again)
{
        probe_rig_init(&rig, CHECK_EXEC, "true");
        script("echo run >>runs; test -e well\n");
        probe_rig_begin(&rig);
        cr_expect(probe_rig_run(&rig, asked_thrice));
        cr_expect_eq(rig.process->health.status, HEALTH_UNHEALTHY);
        probe_rig_release(&rig);
}

static void free_the_probe(void *arg, const struct event *e)
{
        struct worker *w = ((struct probe_rig *)arg)->process->worker;

        if (e->type != EV_HEALTH)
                return;
        probe_free(w->probe);
        w->probe = NULL;
}

static void begin_anew(void *arg, const struct event *e)
{
        struct probe_rig *r = arg;

        if (e->type == EV_HEALTH)
                cr_assert(probe_begin(&r->s, r->process));
}

static bool is_healthy(struct probe_rig *r)
{
        return r->process->health.status == HEALTH_HEALTHY;
}

Test(probe_exec, may_be_freed_by_its_callback)
{
        struct subscriber hearer = { .on_event = free_the_probe, .arg = &rig };

        probe_rig_init(&rig, CHECK_EXEC, "true");
        bus_subscribe(&rig.s.bus, &hearer);
        probe_rig_begin(&rig);
        cr_expect(probe_rig_run(&rig, is_healthy));
        cr_expect_null(rig.process->worker->probe);
        probe_rig_rest(&rig, 60);
        probe_rig_release(&rig);
}

Test(probe_exec, may_begin_anew_while_its_result_is_heard)
{
        struct subscriber hearer = { .on_event = begin_anew, .arg = &rig };

        probe_rig_init(&rig, CHECK_EXEC, "true");
        script("echo run >>runs\n");
        bus_subscribe(&rig.s.bus, &hearer);
        probe_rig_begin(&rig);
        cr_expect(probe_rig_run(&rig, asked_thrice));
        probe_rig_release(&rig);
}
