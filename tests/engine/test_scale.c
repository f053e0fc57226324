#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "engine/core/configuration.h"
#include "engine/core/startup.h"
#include "engine/order/conditions.h"
#include "engine/order/scale.h"
#include "engine/watch/probes.h"
#include "house.h"

#define QUICK    "command=/bin/w\nstdout_logfile=NONE\nstderr_logfile=NONE\nstartsecs=0\n"
#define FLEET(n) "[program:web]\n" QUICK "process_name=web_%(process_num)d\nnumprocs=" #n "\n"

static struct house h;

static void teardown(void)
{
        house_close(&h);
}

TestSuite(fleet, .fini = teardown, .timeout = 30);
TestSuite(reload, .fini = teardown, .timeout = 30);
TestSuite(shutdown, .fini = teardown, .timeout = 30);

static struct fleet *fleet(const char *name)
{
        bool ambiguous;
        struct fleet *f = registry_fleet(&h.sup.registry, name, &ambiguous);

        cr_assert(f);
        return f;
}

static enum fault scale(bool relative, int value, char *why)
{
        struct scale_answer answer;
        struct err e = { 0 };

        supervisor_settle(&h.sup);
        enum fault f = order_scale(&h.sup, fleet("web"), relative, value, NULL, &answer, &e);

        if (why)
                strcpy(why, e.text);
        return f;
}

static size_t alive(void)
{
        size_t n = 0;

        for (size_t i = 0; i < h.kernel.child_count; i++)
                n += h.kernel.children[i]->alive;
        return n;
}

Test(fleet, grows_without_touching_existing_processes)
{
        house_open(&h, "", FLEET(2));
        house_begin(&h);
        pid_t first = house_process(&h, "web:web_0")->pid;
        cr_expect_eq(scale(false, 5, NULL), FAULT_NONE);
        cr_expect_eq(alive(), 5);
        cr_expect_eq(house_process(&h, "web:web_0")->pid, first);
        cr_expect_eq(scale(true, 2, NULL), FAULT_NONE);
        cr_expect_eq(alive(), 7);
}

Test(fleet, shrinks_from_the_highest_number)
{
        house_open(&h, "", FLEET(4));
        house_begin(&h);
        h.kernel.obeys_term = false;
        cr_expect_eq(scale(true, -2, NULL), FAULT_NONE);
        cr_expect_str_eq(house_state(&h, "web:web_3"), "STOPPING");
        cr_expect_str_eq(house_state(&h, "web:web_2"), "STOPPING");
        cr_expect_str_eq(house_state(&h, "web:web_1"), "RUNNING");
        house_end(&h, "web:web_3", KERNEL_KILLED(SIGTERM));
        house_settle(&h);
        cr_expect_str_eq(house_state(&h, "web:web_3"), "-");
        cr_expect_eq(fleet("web")->replicas, 2);
}

Test(fleet, wants_a_retiring_worker_again)
{
        house_open(&h, "", FLEET(2));
        house_begin(&h);
        h.kernel.obeys_term = false;
        scale(false, 1, NULL);
        scale(false, 2, NULL);
        cr_expect_str_eq(house_state(&h, "web:web_1"), "STOPPING");
        house_end(&h, "web:web_1", KERNEL_KILLED(SIGTERM));
        cr_expect_str_eq(house_state(&h, "web:web_1"), "RUNNING");
        cr_expect_eq(alive(), 2);
}

Test(fleet, grows_into_the_place_of_one_that_has_just_gone)
{
        house_open(&h, "", FLEET(2));
        house_begin(&h);
        scale(false, 1, NULL);
        reaper_drain(&h.sup);
        cr_expect_eq(scale(false, 2, NULL), FAULT_NONE);
        house_settle(&h);
        cr_expect_str_eq(house_state(&h, "web:web_1"), "RUNNING");
}

Test(fleet, keeps_its_bounds)
{
        char why[512];

        house_open(&h, "", FLEET(2) "numprocs_min=1\nnumprocs_max=3\n");
        house_begin(&h);
        cr_expect_eq(scale(false, 4, why), FAULT_OUT_OF_RANGE);
        cr_expect_str_eq(why, "web: 4 is above 3 (numprocs_max)");
        cr_expect_eq(scale(true, -2, why), FAULT_OUT_OF_RANGE);
        cr_expect_eq(alive(), 2);
}

Test(fleet, never_grows_beyond_what_can_be_opened)
{
        char why[512];

        house_open(&h, "", FLEET(2));
        house_begin(&h);
        startup_of(&h.sup)->limits.nofile = (struct rlimit){ 1024, 1024 };
        cr_expect_eq(scale(false, 321, why), FAULT_OUT_OF_RANGE);
        cr_expect(strstr(why, "raise its hard limit of open files"), "%s", why);
        cr_expect_eq(scale(false, 320, why), FAULT_NONE);
}

Test(fleet, is_refused_when_names_cannot_tell_workers_apart)
{
        char why[512];

        house_open(&h, "", "[program:web]\n" QUICK);
        house_begin(&h);
        cr_expect_eq(scale(false, 2, why), FAULT_FAILED);
        cr_expect(strstr(why, "process_name=%(program_name)s_%(process_num)02d"), "%s", why);
}

/* ---- reload */

static enum fault apply(bool plan_only, const char *body)
{
        struct diags diags = { 0 };
        struct plan plan = { 0 };

        house_rewrite(&h, "", body);
        enum fault f = order_apply(&h.sup, plan_only, NULL, &plan, &diags);
        plan_release(&plan);
        diags_release(&diags);
        return f;
}

Test(reload, raising_numprocs_restarts_no_process)
{
        house_open(&h, "", FLEET(2));
        house_begin(&h);
        pid_t first = house_process(&h, "web:web_0")->pid;
        cr_expect_eq(apply(false, FLEET(4)), FAULT_NONE);
        house_settle(&h);
        cr_expect_eq(alive(), 4);
        cr_expect_eq(house_process(&h, "web:web_0")->pid, first);
        cr_expect_eq(h.kernel.child_count, 4);
}

Test(reload, a_live_key_restarts_no_process_and_holds)
{
        house_open(&h, "", FLEET(1));
        house_begin(&h);
        cr_expect_eq(apply(false, FLEET(1) "stopwaitsecs=77\n"), FAULT_NONE);
        cr_expect_eq(h.kernel.child_count, 1);
        cr_expect_eq(house_process(&h, "web:web_0")->program->stopwaitsecs, 77);
}

Test(reload, a_process_that_is_wanted_again_has_the_new_settings)
{
        house_open(&h, "", FLEET(2));
        house_begin(&h);
        h.kernel.obeys_term = false;
        scale(false, 1, NULL);
        cr_expect_eq(apply(false, FLEET(1) "environment=NEW=1\n"), FAULT_NONE);
        house_end(&h, "web:web_0", KERNEL_KILLED(SIGTERM));
        scale(false, 2, NULL);
        house_end(&h, "web:web_1", KERNEL_KILLED(SIGTERM));
        cr_expect_str_eq(house_state(&h, "web:web_1"), "RUNNING");
        cr_expect_eq(house_process(&h, "web:web_1")->program, fleet("web")->program);
        cr_expect_str_eq(house_process(&h, "web:web_1")->program->environment, "NEW=1");
}

Test(reload, a_changed_command_restarts_only_its_own)
{
        house_open(&h, "", FLEET(1) "[program:db]\n" QUICK);
        house_begin(&h);
        pid_t db = house_process(&h, "db")->pid, web = house_process(&h, "web:web_0")->pid;
        cr_expect_eq(apply(false, FLEET(1) "environment=A=\"1\"\n[program:db]\n" QUICK),
                     FAULT_NONE);
        reaper_drain(&h.sup);
        cr_expect_eq(house_process(&h, "db")->pid, db);
        cr_expect_neq(house_process(&h, "web:web_0")->pid, web);
        cr_expect_str_eq(house_state(&h, "web:web_0"), "RUNNING");
}

Test(reload, a_change_may_repair_what_was_given_up)
{
        house_open(&h, "", "[program:db]\n" QUICK "startretries=0\n");
        kernel_fail(&h.kernel, K_SPAWN, 1, EAGAIN);
        house_begin(&h);
        house_later(&h, 10);
        cr_assert_str_eq(house_state(&h, "db"), "FATAL");
        cr_expect_eq(apply(false, "[program:db]\n" QUICK "startretries=0\nenvironment=A=\"1\"\n"),
                     FAULT_NONE);
        cr_expect_str_eq(house_state(&h, "db"), "RUNNING");
}

Test(reload, a_removed_program_stops_and_its_group_goes)
{
        house_open(&h, "", FLEET(2) "[program:db]\n" QUICK);
        house_begin(&h);
        cr_expect_eq(apply(false, "[program:db]\n" QUICK), FAULT_NONE);
        house_settle(&h);
        cr_expect_null(registry_group(&h.sup.registry, "web"));
        cr_expect_eq(alive(), 1);
}

Test(reload, a_new_program_starts)
{
        house_open(&h, "", FLEET(1));
        house_begin(&h);
        cr_expect_eq(apply(false, FLEET(1) "[program:db]\n" QUICK), FAULT_NONE);
        cr_expect_str_eq(house_state(&h, "db"), "RUNNING");
}

Test(reload, a_process_that_takes_the_place_of_another_waits_until_it_has_gone)
{
        AUTO_BUF why = BUF_INIT;

        house_open(&h, "", "[program:old]\n" QUICK);
        house_begin(&h);
        h.kernel.obeys_term = false;
        cr_expect_eq(apply(false, "[program:new]\n" QUICK), FAULT_NONE);
        cr_expect_str_eq(house_state(&h, "old"), "STOPPING");
        cr_expect_str_eq(house_state(&h, "new"), "STOPPED");
        cr_expect_eq(house_process(&h, "new")->state, PS_WAITING);
        cr_expect(conditions_why(&h.sup, house_process(&h, "new"), &why));
        cr_expect_str_eq(buf_str(&why), "waits until old has stopped");
        house_settle(&h);
        cr_expect_str_eq(house_state(&h, "new"), "STOPPED");
        house_end(&h, "old", KERNEL_EXITED(0));
        house_settle(&h);
        cr_expect_str_eq(house_state(&h, "old"), "-");
        cr_expect_str_eq(house_state(&h, "new"), "RUNNING");
}

Test(reload, a_process_that_takes_a_free_place_does_not_wait)
{
        AUTO_BUF why = BUF_INIT;

        house_open(&h, "", "[program:old]\n" QUICK);
        house_begin(&h);
        h.kernel.obeys_term = false;
        cr_expect_eq(apply(false, "[program:new]\n" QUICK "[program:other]\ncommand=/bin/w other\n"
                                  "startsecs=0\nstdout_logfile=NONE\nstderr_logfile=NONE\n"),
                     FAULT_NONE);
        cr_expect_str_eq(house_state(&h, "old"), "STOPPING");
        cr_expect_str_eq(house_state(&h, "new"), "STOPPED");
        cr_expect_str_eq(house_state(&h, "other"), "RUNNING");
        cr_expect_not(conditions_why(&h.sup, house_process(&h, "other"), &why));
}

Test(reload, each_process_takes_its_place_when_it_is_free)
{
#define CHECKED(port)                                                                      \
        "command=/bin/w " port "\nstartsecs=0\nstdout_logfile=NONE\nstderr_logfile=NONE\n" \
        "healthcheck=tcp://127.0.0.1:" port "\n"
        house_open(&h, "", "[program:a]\n" CHECKED("1001") "[program:b]\n" CHECKED("1002"));
        house_begin(&h);
        h.kernel.obeys_term = false;
        apply(false, "[program:c]\nhealthcheck_retries=1\n" CHECKED("1001") "[program:d]\n" CHECKED(
                         "1002"));
        house_settle(&h);
        house_end(&h, "b", KERNEL_EXITED(0));
        house_settle(&h);
        cr_expect_str_eq(house_state(&h, "a"), "STOPPING");
        cr_expect_str_eq(house_state(&h, "c"), "STOPPED");
        cr_expect_str_eq(house_state(&h, "d"), "RUNNING");
        house_end(&h, "a", KERNEL_EXITED(0));
        house_settle(&h);
        cr_expect_str_eq(house_state(&h, "c"), "RUNNING");
        cr_expect_null(component_own(&h.sup, COMPONENT_conditions));
}

Test(reload, only_another_question_forgets_what_is_known_of_the_health)
{
        static const char *const others[] = {
                "healthcheck_interval=7s\n",     "healthcheck_timeout=7s\n",
                "healthcheck_retries=7\n",       "healthcheck_successes=7\n",
                "healthcheck_start_period=7s\n", "healthcheck_start_interval=500ms\n",
                "healthcheck_action=none\n",
        };
        char body[512];

        house_open(&h, "", "[program:a]\n" CHECKED("1001"));
        house_begin(&h);
        struct process *a = house_process(&h, "a");
        supervisor_probed(&h.sup, a, true, "", 0);
        for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
                snprintf(body, sizeof body, "[program:a]\n" CHECKED("1001") "%s", others[i]);
                cr_assert_eq(apply(false, body), FAULT_NONE);
                cr_expect_str_eq(health_word(a->health.status), "healthy", "%s", others[i]);
        }
        cr_assert_eq(apply(false, "[program:a]\n" CHECKED("1001")), FAULT_NONE);
        cr_expect_str_eq(health_word(a->health.status), "healthy");
        cr_assert_eq(apply(false, "[program:a]\ncommand=/bin/w 1001\nstartsecs=0\n"
                                  "stdout_logfile=NONE\nstderr_logfile=NONE\n"
                                  "healthcheck=tcp://127.0.0.1:1002\n"),
                     FAULT_NONE);
        cr_expect_str_eq(health_word(a->health.status), "starting");
        cr_expect_eq(h.kernel.child_count, 1);
}

Test(reload, a_start_that_waits_is_forgotten_with_its_program)
{
        house_open(&h, "", "[program:old]\n" QUICK);
        house_begin(&h);
        h.kernel.obeys_term = false;
        apply(false, "[program:new]\n" QUICK);
        apply(false, "[program:newer]\n" QUICK);
        house_end(&h, "old", KERNEL_EXITED(0));
        house_settle(&h);
        cr_expect_str_eq(house_state(&h, "new"), "-");
        cr_expect_str_eq(house_state(&h, "newer"), "RUNNING");
}

Test(reload, a_start_that_waits_is_cancelled_by_a_stop)
{
        house_open(&h, "", "[program:old]\n" QUICK);
        house_begin(&h);
        h.kernel.obeys_term = false;
        apply(false, "[program:new]\n" QUICK);
        cr_expect_eq(order_stop(&h.sup, house_process(&h, "new"), NULL), FAULT_NONE);
        cr_expect_eq(order_stop(&h.sup, house_process(&h, "new"), NULL), FAULT_NOT_RUNNING);
        house_end(&h, "old", KERNEL_EXITED(0));
        house_settle(&h);
        cr_expect_str_eq(house_state(&h, "new"), "STOPPED");
        cr_expect_eq(h.kernel.child_count, 1);
}

Test(reload, a_start_that_waits_happens_at_once_by_order)
{
        struct err e = { 0 };

        house_open(&h, "", "[program:old]\n" QUICK);
        house_begin(&h);
        h.kernel.obeys_term = false;
        apply(false, "[program:new]\n" QUICK);
        cr_expect_eq(order_start(&h.sup, house_process(&h, "new"), NULL, &e), FAULT_NONE);
        cr_expect_str_eq(house_state(&h, "new"), "RUNNING");
        house_end(&h, "old", KERNEL_EXITED(0));
        house_settle(&h);
        cr_expect_str_eq(house_state(&h, "new"), "RUNNING");
        cr_expect_eq(h.kernel.child_count, 2);
}

Test(reload, a_start_that_waits_goes_on_when_the_other_is_wanted_again)
{
        house_open(&h, "", "[program:old]\n" QUICK);
        house_begin(&h);
        h.kernel.obeys_term = false;
        apply(false, "[program:new]\n" QUICK);
        supervisor_order(&h.sup, house_process(&h, "old"), PE_START);
        supervisor_settle(&h.sup);
        cr_expect_str_eq(house_state(&h, "new"), "RUNNING");
}

Test(reload, a_plan_changes_nothing)
{
        house_open(&h, "", FLEET(1));
        house_begin(&h);
        cr_expect_eq(apply(true, "[program:db]\n" QUICK), FAULT_NONE);
        cr_expect_str_eq(house_state(&h, "web:web_0"), "RUNNING");
        cr_expect_str_eq(house_state(&h, "db"), "-");
        cr_expect_eq(configuration_of(&h.sup)->generation, 1);
}

Test(reload, a_bad_file_changes_nothing)
{
        house_open(&h, "", FLEET(1));
        house_begin(&h);
        cr_expect_eq(apply(false, FLEET(1) "stopwaitsecs=soon\n"), FAULT_CANT_REREAD);
        cr_expect_str_eq(house_state(&h, "web:web_0"), "RUNNING");
        cr_expect(house_said(&h, "configuration refused: /etc/s.conf:"));
}

Test(reload, a_plan_refuses_what_apply_would_refuse)
{
        house_open(&h, "", FLEET(1));
        house_begin(&h);
        for (int plan_only = 0; plan_only < 2; plan_only++)
                cr_expect_eq(apply(plan_only, "[eventlistener:web]\nevents=TICK_5\n" QUICK),
                             FAULT_CANT_REREAD);
        cr_expect(house_said(&h, "ERRO configuration refused: group web changes from programs to "
                                 "listeners"));
        cr_expect_str_eq(house_state(&h, "web:web_0"), "RUNNING");
}

Test(reload, a_scaled_fleet_keeps_its_count_unless_numprocs_changes)
{
        house_open(&h, "", FLEET(2));
        house_begin(&h);
        scale(false, 5, NULL);
        apply(false, FLEET(2) "stopwaitsecs=5\n");
        house_settle(&h);
        cr_expect_eq(alive(), 5);
        apply(false, FLEET(3) "stopwaitsecs=5\n");
        house_settle(&h);
        cr_expect_eq(alive(), 3);
}

Test(reload, added_groups_come_from_the_file_that_was_read_last)
{
        struct group_diff diff = { 0 };
        struct diags diags = { 0 };
        struct err e = { 0 };

        house_open(&h, "", FLEET(1));
        house_begin(&h);
        house_rewrite(&h, "", FLEET(1) "[program:db]\n" QUICK);
        cr_expect_eq(order_add_group(&h.sup, "db", NULL, &e), FAULT_BAD_NAME);
        cr_expect_eq(order_reread(&h.sup, NULL, &diff, &diags), FAULT_NONE);
        cr_expect(strlist_has(&diff.added, "db"));
        cr_expect_eq(order_add_group(&h.sup, "db", NULL, &e), FAULT_NONE);
        cr_expect_eq(order_remove_group(&h.sup, "db", NULL), FAULT_STILL_RUNNING);
        group_diff_release(&diff);
        diags_release(&diags);
}

/* ---- the end */

static void loop_until_ended(void)
{
        for (int i = 0; i < 10000 && !h.ended; i++) {
                reaper_drain(&h.sup);
                ev_run(h.sup.loop, EVRUN_NOWAIT);
        }
        cr_expect_eq(h.ended, 1);
}

Test(shutdown, goes_by_descending_priority_wave_by_wave)
{
        house_open(&h, "",
                   "[program:first]\n" QUICK "priority=1\n[program:last]\n" QUICK
                   "priority=2\n[program:also]\n" QUICK "priority=2\n");
        house_begin(&h);
        h.kernel.obeys_term = false;
        shutdown_request(&h.sup, "test");
        cr_expect_str_eq(house_state(&h, "last"), "STOPPING");
        cr_expect_str_eq(house_state(&h, "also"), "STOPPING");
        cr_expect_str_eq(house_state(&h, "first"), "RUNNING");
        house_end(&h, "last", KERNEL_EXITED(0));
        house_settle(&h);
        cr_expect_str_eq(house_state(&h, "first"), "RUNNING");
        house_end(&h, "also", KERNEL_EXITED(0));
        for (int i = 0; i < 10000 && strcmp(house_state(&h, "first"), "STOPPING") != 0; i++) {
                house_settle(&h);
                ev_run(h.sup.loop, EVRUN_NOWAIT);
        }
        cr_expect_str_eq(house_state(&h, "first"), "STOPPING");
        house_end(&h, "first", KERNEL_EXITED(0));
        loop_until_ended();
}

Test(shutdown, starts_nothing_any_more)
{
        struct err e = { 0 };

        house_open(&h, "",
                   "[program:a]\n" QUICK "priority=1\nautorestart=true\n[program:b]\n" QUICK
                   "priority=2\n");
        house_begin(&h);
        h.kernel.obeys_term = false;
        shutdown_request(&h.sup, "test");
        house_end(&h, "a", KERNEL_EXITED(1));
        house_settle(&h);
        house_later(&h, 60000);
        cr_expect_eq(house_process(&h, "a")->pid, 0);
        cr_expect_eq(order_start(&h.sup, house_process(&h, "a"), NULL, &e), FAULT_SHUTDOWN_STATE);
        house_end(&h, "b", KERNEL_EXITED(0));
        loop_until_ended();
}

Test(shutdown, kills_everything_when_hurried)
{
        house_open(&h, "", "[program:a]\n" QUICK "priority=1\n[program:b]\n" QUICK "priority=2\n");
        house_begin(&h);
        h.kernel.obeys_term = false;
        shutdown_request(&h.sup, "test");
        shutdown_hurry(&h.sup);
        loop_until_ended();
        cr_expect_eq(alive(), 0);
}

Test(shutdown, gives_up_on_what_waits_for_its_next_try)
{
        house_open(&h, "", "[program:bad]\n" QUICK "startsecs=100\n");
        house_begin(&h);
        house_end(&h, "bad", KERNEL_EXITED(1));
        cr_expect_str_eq(house_state(&h, "bad"), "BACKOFF");
        shutdown_request(&h.sup, "test");
        cr_expect_str_eq(house_state(&h, "bad"), "FATAL");
        loop_until_ended();
}
