#include <criterion/criterion.h>

#include "conf_maker.h"
#include "model/fleet/plan.h"

static struct fake_world host;
static struct registry r;
static struct made_config next;
static struct plan plan;
static struct err e;

static void setup(void)
{
        fake_world_init(&host);
        registry_init(&r);
}

static void teardown(void)
{
        plan_release(&plan);
        made_config_release(&next);
        registry_release(&r);
        fake_world_release(&host);
}

TestSuite(plan, .init = setup, .fini = teardown);

#define P(section, ...) PROGRAM(&host.ops, (section), "command=x", __VA_ARGS__)

#define NUMBERED "process_name=%(program_name)s_%(process_num)d"

static struct group *run(struct group_conf *conf)
{
        struct group *g = registry_add(&r, conf, &host.ops, &e);

        cr_assert_not_null(g, "%s", e.text);
        group_conf_unref(conf);
        for (int i = 0; i < g->count; i++)
                g->procs[i]->state = PS_RUNNING;
        return g;
}

static void make(void)
{
        plan_release(&plan);
        cr_assert(plan_make(&r, &next.config, &host.ops, &plan, &e), "%s", e.text);
}

/* One line for each item that is not `keep`: "restart web:web_0 (web) [command]: command changed".
 */
static const char *shown(void)
{
        static char text[4000];
        struct buf b = BUF_INIT;

        for (int i = 0; i < plan.count; i++) {
                struct change_item *c = &plan.items[i];
                if (c->action == PLAN_KEEP)
                        continue;
                buf_printf(&b, "%s %s (%s) [", plan_action_word(c->action), c->name, c->program);
                for (size_t k = 0; k < c->keys.count; k++)
                        buf_printf(&b, "%s%s", k ? "," : "", c->keys.items[k]);
                buf_printf(&b, "]: %s\n", c->why);
        }
        snprintf(text, sizeof text, "%s", buf_str(&b));
        buf_release(&b);
        return text;
}

static void expect_plan(const char *want)
{
        make();
        cr_expect_str_eq(shown(), want, "got:\n%swanted:\n%s", shown(), want);
}

static const struct change_item *item(const char *name)
{
        for (int i = 0; i < plan.count; i++)
                if (strcmp(plan.items[i].name, name) == 0)
                        return &plan.items[i];
        cr_assert_fail("no item %s", name);
        return NULL;
}

/* ---- nothing changes */

Test(plan, keeps_what_is_unchanged)
{
        run(make_lone(P("web", "numprocs=2", NUMBERED)));
        run(make_lone(P("cat", NULL)));
        CONFIG(&next, make_lone(P("web", "numprocs=2", NUMBERED)), make_lone(P("cat", NULL)));
        expect_plan("");
        cr_expect_eq(plan.count, 3);
        cr_expect_str_eq(plan.items[0].name, "cat");
        cr_expect_str_eq(plan.items[2].name, "web:web_1");
        cr_expect_str_eq(plan.items[2].program, "web");
        cr_expect_eq(plan.items[2].number, 1);
        cr_expect_eq(plan.items[2].to, next.groups[0]->programs[0]);
        cr_expect_eq(plan.items[2].group, next.groups[0]);
        cr_expect_eq(plan.items[2].process, registry_process(&r, "web:web_1"));
        cr_expect_str_eq(plan.items[2].why, "");
}

Test(plan, of_nothing_for_nothing_is_empty)
{
        CONFIG(&next, NULL);
        expect_plan("");
        cr_expect_eq(plan.count, 0);
}

Test(plan, restarts_processes_that_are_told_numprocs)
{
        run(make_lone(PROGRAM(&host.ops, "w", "command=x %(numprocs)d", "numprocs=2", NUMBERED)));
        CONFIG(&next, make_lone(PROGRAM(&host.ops, "w", "command=x %(numprocs)d", "numprocs=3",
                                        NUMBERED)));
        expect_plan("restart w:w_0 (w) [command,numprocs]: command changed, numprocs 2 -> 3\n"
                    "restart w:w_1 (w) [command,numprocs]: command changed, numprocs 2 -> 3\n"
                    "start w:w_2 (w) [numprocs]: numprocs 2 -> 3\n");
}

/* Each of a fleet is looked at: only one of them has what differs. */
Test(plan, restarts_the_process_whose_result_differs)
{
        run(make_lone(
            PROGRAM(&host.ops, "w", "command=x %(process_num)d", "numprocs=3", NUMBERED)));
        CONFIG(&next, make_lone(PROGRAM(&host.ops, "w", "command=x %(process_num)01d", "numprocs=3",
                                        NUMBERED)));
        expect_plan("");
        CONFIG(&next, make_lone(PROGRAM(&host.ops, "w", "command=x %(ENV_N)s",
                                        "environment=N=%(process_num)d", "numprocs=3", NUMBERED)));
        expect_plan("restart w:w_0 (w) [environment]: environment changed\n"
                    "restart w:w_1 (w) [environment]: environment changed\n"
                    "restart w:w_2 (w) [environment]: environment changed\n");
}

Test(plan, restarts_a_lone_process_that_is_told_another_number)
{
        run(make_lone(PROGRAM(&host.ops, "w", "command=x %(process_num)d", "numprocs_start=1")));
        run(make_lone(PROGRAM(&host.ops, "v", "command=x", "numprocs_start=1")));
        CONFIG(&next,
               make_lone(PROGRAM(&host.ops, "w", "command=x %(process_num)d", "numprocs_start=2")),
               make_lone(PROGRAM(&host.ops, "v", "command=x", "numprocs_start=2")));
        expect_plan("live v (v) [numprocs_start]: numprocs_start changed\n"
                    "restart w (w) [command,numprocs_start]: command changed, numprocs_start "
                    "changed\n");
}

/* ---- coming and going */

Test(plan, starts_what_is_new_and_stops_what_is_gone)
{
        run(make_lone(P("old", NULL)));
        CONFIG(&next, make_lone(P("new", NULL)),
               GROUP("g", 1, P("x", NULL), P("y", "autostart=false")));
        expect_plan("start g:x (x) []: added\n"
                    "live g:y (y) []: added (autostart=false)\n"
                    "start new (new) []: added\n"
                    "stop old (old) []: removed\n");
        cr_expect_null(item("new")->process);
        cr_expect_eq(item("new")->to, next.groups[0]->programs[0]);
        cr_expect_null(item("old")->to);
        cr_expect_null(item("old")->group);
        cr_expect_eq(item("old")->process, registry_process(&r, "old"));
}

Test(plan, follows_programs_that_join_and_leave_a_group)
{
        run(make_lone(P("web", NULL)));
        run(GROUP("g", 1, P("a", NULL), P("b", NULL)));
        CONFIG(&next, GROUP("g", 1, P("a", NULL), P("web", NULL)), make_lone(P("b", NULL)));
        expect_plan("start b (b) []: moved from group g\n"
                    "stop g:b (b) []: moved to group b\n"
                    "start g:web (web) []: moved from group web\n"
                    "stop web (web) []: moved to group g\n");
}

Test(plan, calls_programs_of_several_groups_by_both_names)
{
        run(GROUP("g", 1, P("x", NULL)));
        run(GROUP("h", 1, P("x", NULL)));
        CONFIG(&next, GROUP("g", 1, P("x", NULL)), GROUP("i", 1, P("x", "startsecs=3")));
        expect_plan("stop h:x (h:x) []: removed\n"
                    "start i:x (i:x) []: added\n");
        cr_expect_str_eq(item("g:x")->program, "g:x");
}

/* ---- numbers */

Test(plan, more_processes_restart_no_other)
{
        run(make_lone(P("w", "numprocs=2", NUMBERED)));
        CONFIG(&next, make_lone(P("w", "numprocs=4", NUMBERED)));
        expect_plan("live w:w_0 (w) [numprocs]: numprocs 2 -> 4\n"
                    "live w:w_1 (w) [numprocs]: numprocs 2 -> 4\n"
                    "start w:w_2 (w) [numprocs]: numprocs 2 -> 4\n"
                    "start w:w_3 (w) [numprocs]: numprocs 2 -> 4\n");
}

Test(plan, fewer_processes_stop_the_highest_numbers)
{
        run(make_lone(P("w", "numprocs=11", NUMBERED)));
        CONFIG(&next, make_lone(P("w", "numprocs=9", NUMBERED)));
        make();
        for (int i = 0; i < plan.count; i++)
                cr_expect_eq(plan.items[i].action == PLAN_STOP, plan.items[i].number >= 9);
        cr_expect_str_eq(item("w:w_10")->why, "numprocs 11 -> 9");
        cr_expect_eq(plan.count, 11);
}

Test(plan, leaves_a_scaled_fleet_alone)
{
        struct group *g = run(make_lone(P("w", "numprocs=2", NUMBERED)));

        registry_add_process(&r, &g->fleets[0], 2, &host.ops, &e)->state = PS_RUNNING;
        g->fleets[0].replicas = 3;
        g->fleets[0].scaled = true;
        CONFIG(&next, make_lone(P("w", "numprocs=2", NUMBERED)));
        expect_plan("");
        CONFIG(&next, make_lone(P("w", "numprocs=2", NUMBERED, "numprocs_max=2")));
        expect_plan("live w:w_0 (w) [numprocs_max]: numprocs_max changed\n"
                    "live w:w_1 (w) [numprocs_max]: numprocs_max changed\n"
                    "stop w:w_2 (w) [numprocs_max]: numprocs_max 2\n");
        CONFIG(&next, make_lone(P("w", "numprocs=1", NUMBERED)));
        expect_plan("live w:w_0 (w) [numprocs]: numprocs 2 -> 1\n"
                    "stop w:w_1 (w) [numprocs]: numprocs 2 -> 1\n"
                    "stop w:w_2 (w) [numprocs]: numprocs 2 -> 1\n");
}

Test(plan, leaves_a_fleet_that_was_scaled_down_alone)
{
        struct group *g = run(make_lone(P("w", "numprocs=3", NUMBERED)));

        registry_forget(&r, g->fleets[0].procs[2]);
        g->fleets[0].procs[1]->state = PS_RETIRING; /* still on its way out */
        g->fleets[0].replicas = 1;
        g->fleets[0].scaled = true;
        CONFIG(&next, make_lone(P("w", "numprocs=3", NUMBERED)));
        expect_plan("");
        cr_expect_eq(plan.count, 1);
        CONFIG(&next, make_lone(P("w", "numprocs=3", NUMBERED, "numprocs_min=2")));
        expect_plan("live w:w_0 (w) [numprocs_min]: numprocs_min changed\n"
                    "start w:w_1 (w) [numprocs_min]: numprocs_min 0 -> 2\n");
        cr_expect_null(item("w:w_1")->process);
}

Test(plan, renaming_is_stopping_and_starting)
{
        run(make_lone(P("w", "numprocs=2", NUMBERED)));
        CONFIG(&next, make_lone(P("w", "numprocs=2", "process_name=n%(process_num)d")));
        expect_plan("start w:n0 (w) [process_name]: process_name changed\n"
                    "start w:n1 (w) [process_name]: process_name changed\n"
                    "stop w:w_0 (w) [process_name]: process_name changed\n"
                    "stop w:w_1 (w) [process_name]: process_name changed\n");
}

Test(plan, shifting_the_first_number_keeps_the_common_ones)
{
        run(make_lone(P("w", "numprocs=2", NUMBERED)));
        CONFIG(&next, make_lone(P("w", "numprocs=2", NUMBERED, "numprocs_start=1")));
        expect_plan("stop w:w_0 (w) [numprocs_start]: numprocs_start 0 -> 1\n"
                    "live w:w_1 (w) [numprocs_start]: numprocs_start changed\n"
                    "start w:w_2 (w) [numprocs_start]: numprocs_start 0 -> 1\n");
}

/* ---- changed values */

Test(plan, restarts_what_only_a_new_start_makes_true)
{
        run(make_lone(P("web", NULL)));
        run(make_lone(P("cat", NULL)));
        CONFIG(&next, make_lone(PROGRAM(&host.ops, "web", "command=y", "startsecs=5")),
               make_lone(P("cat", "stopwaitsecs=1", "restart_delay=5s")));
        expect_plan("live cat (cat) [stopwaitsecs,restart_delay]: stopwaitsecs changed, "
                    "restart_delay changed\n"
                    "restart web (web) [command,startsecs]: command changed, startsecs changed\n");
}

Test(plan, a_changed_global_environment_restarts)
{
        struct program *p = P("web", NULL);

        p->global_env = strdup("A=1");
        run(make_lone(P("web", NULL)));
        CONFIG(&next, make_lone(p));
        expect_plan("restart web (web) [environment]: environment changed\n");
}

Test(plan, does_not_start_what_is_not_running)
{
        static const struct {
                enum pstate state;
                enum plan_action action;
        } states[] = {
                { PS_STOPPED, PLAN_LIVE },    { PS_EXITED, PLAN_LIVE },
                { PS_STOPPING, PLAN_LIVE },   { PS_STARTING, PLAN_RESTART },
                { PS_RUNNING, PLAN_RESTART }, { PS_BACKOFF, PLAN_RESTART },
                { PS_RESPAWN, PLAN_RESTART }, { PS_RESTARTING, PLAN_RESTART },
                { PS_FATAL, PLAN_RESTART },   { PS_SICK, PLAN_RESTART },
                { PS_LATE, PLAN_RESTART },
        };
        struct group *g = run(make_lone(P("web", NULL)));

        CONFIG(&next, make_lone(PROGRAM(&host.ops, "web", "command=y")));
        for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
                g->procs[0]->state = states[i].state;
                make();
                cr_expect_eq(plan.items[0].action, states[i].action, "state %d", states[i].state);
        }
        g->procs[0]->state = PS_STOPPED;
        expect_plan("live web (web) [command]: command changed (at its next start)\n");
}

Test(plan, compares_with_what_the_next_start_would_run)
{
        struct group *g = run(make_lone(P("web", NULL)));
        struct program *pending = PROGRAM(&host.ops, "web", "command=y");

        g->procs[0]->next_program = pending; /* a restart that is under way */
        g->procs[0]->state = PS_RESTARTING;
        CONFIG(&next, make_lone(PROGRAM(&host.ops, "web", "command=y")));
        expect_plan("");
}

Test(plan, a_changed_group_priority_touches_no_process)
{
        run(GROUP("g", 5, P("a", NULL)));
        CONFIG(&next, GROUP("g", 7, P("a", NULL)));
        expect_plan("live g:a (a) [priority]: group priority 5 -> 7\n");
}

Test(plan, another_program_under_the_same_process_name_is_a_restart)
{
        run(GROUP("g", 1, P("a", "process_name=p")));
        CONFIG(&next, GROUP("g", 1, P("b", "process_name=p")));
        expect_plan("restart g:p (b) [section]: section changed\n");
}

Test(plan, fails_whole_when_a_name_cannot_be_expanded)
{
        run(make_lone(P("a", NULL)));
        CONFIG(&next, make_lone(P("a", NULL)), make_lone(P("b", "process_name=%(no)s")));
        cr_expect_not(plan_make(&r, &next.config, &host.ops, &plan, &e));
        cr_expect_eq(e.code, ERR_CONFIG);
        cr_expect_eq(plan.count, 0);
        cr_expect_null(plan.items);
}

Test(plan, of_ten_thousand_processes_is_cheap, .timeout = 20)
{
        run(make_lone(P("w", "numprocs=10000", NUMBERED)));
        CONFIG(&next, make_lone(P("w", "numprocs=10001", NUMBERED)));
        make();
        cr_expect_eq(plan.count, 10001);
        cr_expect_eq(item("w:w_10000")->action, PLAN_START);
}

/* ---- group by group, as Supervisor sees it */

static void expect_diff(const char *added, const char *changed, const char *removed)
{
        struct group_diff d;
        struct strlist *lists[] = { &d.added, &d.changed, &d.removed };
        const char *want[] = { added, changed, removed };

        cr_assert(group_diff_make(&r, &next.config, &host.ops, &d, &e));
        for (int i = 0; i < 3; i++) {
                AUTO_BUF b = BUF_INIT;
                for (size_t k = 0; k < lists[i]->count; k++)
                        buf_printf(&b, "%s%s", k ? " " : "", lists[i]->items[k]);
                cr_expect_str_eq(buf_str(&b), want[i], "list %d: %s", i, buf_str(&b));
        }
        group_diff_release(&d);
}

Test(plan, group_difference_lists_groups_in_the_order_of_their_start)
{
        run(GROUP("a", 9, P("a", NULL)));
        run(make_lone(P("m", NULL)));
        run(GROUP("z", 1, P("z", NULL)));
        run(GROUP("c", 1, P("c", NULL)));
        run(make_lone(P("k", NULL)));
        CONFIG(&next, make_lone(P("y", NULL)), make_lone(P("k", NULL)), make_lone(P("b", NULL)),
               make_lone(P("m", "startsecs=2")));
        expect_diff("y b", "m", "c z a");
}

Test(plan, group_difference_sees_priority_order_and_every_value)
{
        run(GROUP("g", 1, P("a", NULL), P("b", NULL)));
        CONFIG(&next, GROUP("g", 1, P("a", NULL), P("b", NULL)));
        expect_diff("", "", "");
        CONFIG(&next, GROUP("g", 2, P("a", NULL), P("b", NULL)));
        expect_diff("", "g", "");
        CONFIG(&next, GROUP("g", 1, P("b", NULL), P("a", NULL)));
        expect_diff("", "g", "");
        CONFIG(&next, GROUP("g", 1, P("a", NULL)));
        expect_diff("", "g", "");
        CONFIG(&next, GROUP("g", 1, P("a", NULL), P("b", "restart_delay=2s")));
        expect_diff("", "g", "");
        CONFIG(&next, GROUP("g", 1, P("a", "numprocs=0"), P("b", NULL)));
        expect_diff("", "g", "");
}

Test(plan, group_difference_does_not_see_scaling)
{
        struct group *g = run(make_lone(P("w", "numprocs=2", NUMBERED)));

        registry_add_process(&r, &g->fleets[0], 2, &host.ops, &e);
        g->fleets[0].replicas = 3;
        g->fleets[0].scaled = true;
        CONFIG(&next, make_lone(P("w", "numprocs=2", NUMBERED)));
        expect_diff("", "", "");
}

Test(plan, group_difference_sees_what_listeners_and_fastcgi_have)
{
        run(make_lone(P("eventlistener:l", "events=TICK_5")));
        run(make_lone(P("fcgi-program:f", "socket=tcp://h:1")));
        CONFIG(&next, make_lone(P("eventlistener:l", "events=TICK_5")),
               make_lone(P("fcgi-program:f", "socket=tcp://h:1")));
        expect_diff("", "", "");
        CONFIG(&next, make_lone(P("eventlistener:l", "events=TICK_60")),
               make_lone(P("fcgi-program:f", "socket=tcp://h:2")));
        expect_diff("", "l f", "");
        CONFIG(&next, make_lone(P("eventlistener:l", "events=TICK_5", "buffer_size=9")),
               make_lone(P("program:f", NULL)));
        expect_diff("", "l f", "");
}
