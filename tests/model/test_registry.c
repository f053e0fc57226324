#include <criterion/criterion.h>

#include "conf_maker.h"
#include "model/fleet/registry.h"

static struct fake_world host;
static struct registry r;
static struct err e;

static void setup(void)
{
        fake_world_init(&host);
        registry_init(&r);
}

static void teardown(void)
{
        for (int i = 0; i < r.group_count; i++)
                for (int k = 0; k < r.groups[i]->count; k++)
                        r.groups[i]->procs[k]->pid = 0;
        registry_release(&r);
        fake_world_release(&host);
}

TestSuite(registry, .init = setup, .fini = teardown);

/* Adds it and keeps the registry's reference only. */
static struct group *add(struct group_conf *conf)
{
        struct group *g = registry_add(&r, conf, &host.ops, &e);

        group_conf_unref(conf);
        return g;
}

static struct program *numbered(const char *name, int count)
{
        char numprocs[32];

        snprintf(numprocs, sizeof numprocs, "numprocs=%d", count);
        return PROGRAM(&host.ops, name, "command=x",
                       "process_name=%(program_name)s_%(process_num)d", numprocs);
}

static struct program *plain(const char *name, const char *key)
{
        return PROGRAM(&host.ops, name, "command=x", key);
}

/* "a b:c" of a list, which is freed. */
static const char *names_of(struct process **list, int count)
{
        static char text[1000];
        struct buf b = BUF_INIT;

        for (int i = 0; i < count; i++) {
                buf_puts(&b, i ? " " : "");
                process_namespec(list[i], &b);
        }
        snprintf(text, sizeof text, "%s", buf_str(&b));
        buf_release(&b);
        free(list);
        return text;
}

static const char *matching(const char *pattern)
{
        int count;
        struct process **list = registry_match(&r, pattern, &count);

        cr_expect_eq(list == NULL, count == 0, "%s", pattern);
        return names_of(list, count);
}

/* ---- groups and names */

Test(registry, makes_a_group_with_the_configured_processes)
{
        struct group *g = add(make_lone(numbered("web", 3)));

        cr_assert_not_null(g);
        cr_expect_eq(r.process_count, 3);
        cr_expect_eq(g->count, 3);
        cr_expect_eq(g->fleet_count, 1);
        cr_expect_eq(g->fleets[0].replicas, 3);
        cr_expect_not(g->fleets[0].scaled);
        for (int i = 0; i < 3; i++) {
                cr_expect_eq(g->fleets[0].procs[i]->number, i);
                cr_expect_eq(g->fleets[0].procs[i]->state, PS_STOPPED);
                cr_expect_eq(g->fleets[0].procs[i]->group, g);
        }
}

Test(registry, starts_counting_where_the_program_says)
{
        struct program *p = PROGRAM(&host.ops, "w", "command=x", "process_name=%(process_num)d",
                                    "numprocs=2", "numprocs_start=7");
        struct group *g = add(make_lone(p));

        cr_expect_str_eq(g->procs[0]->name, "7");
        cr_expect_eq(fleet_process(&g->fleets[0], 8)->number, 8);
        cr_expect_null(fleet_process(&g->fleets[0], 0));
        cr_expect_null(fleet_process(&g->fleets[0], 9));
}

Test(registry, finds_processes_by_namespec)
{
        add(make_lone(plain("cat", NULL)));
        add(make_lone(numbered("web", 2)));
        add(GROUP("grp", 999, plain("ga", NULL), plain("grp", NULL)));

        cr_expect_str_eq(registry_process(&r, "cat")->name, "cat");
        cr_expect_str_eq(registry_process(&r, "cat:cat")->name, "cat");
        cr_expect_str_eq(registry_process(&r, "web:web_1")->name, "web_1");
        cr_expect_str_eq(registry_process(&r, "grp")->name, "grp");
        cr_expect_str_eq(registry_process(&r, "grp:ga")->name, "ga");

        static const char *const none[] = { "",       "web",  "ga",   "web:", "web:*",
                                            "cat:x",  ":cat", "ca",   "cats", "web:web_1:x",
                                            "web:we", "CAT",  "cat:", ":" };
        for (size_t i = 0; i < sizeof none / sizeof *none; i++)
                cr_expect_null(registry_process(&r, none[i]), "%s", none[i]);
}

Test(registry, refuses_a_group_that_is_there)
{
        add(make_lone(plain("a", NULL)));
        cr_expect_null(add(make_lone(plain("a", NULL))));
        cr_expect_eq(e.code, ERR_BUSY);
        cr_expect_eq(r.group_count, 1);
        cr_expect_eq(r.process_count, 1);
}

Test(registry, adds_nothing_when_a_name_cannot_be_expanded)
{
        cr_expect_null(add(GROUP("g", 1, plain("a", NULL),
                                 plain("b", "process_name=%(program_name)s_%(nothing)s"))));
        cr_expect_eq(e.code, ERR_CONFIG);
        cr_expect_eq(r.group_count, 0);
        cr_expect_eq(r.process_count, 0);
}

Test(registry, the_last_of_two_processes_with_one_name_wins)
{
        struct group *g =
            add(GROUP("g", 1, plain("a", "process_name=same"), plain("b", "process_name=same")));

        cr_expect_eq(g->count, 1);
        cr_expect_eq(r.process_count, 1);
        cr_expect_str_eq(g->procs[0]->program->name, "b");
        cr_expect_eq(g->fleets[0].count, 0);
        cr_expect_eq(g->fleets[1].count, 1);
}

Test(registry, a_program_that_a_group_names_twice_counts_once)
{
        struct program *p = numbered("w", 2);
        struct group *g = add(GROUP("g", 1, p, program_ref(p)));

        cr_expect_eq(g->fleet_count, 1);
        cr_expect_eq(g->count, 2);
}

Test(registry, a_group_may_be_empty)
{
        struct group *g = add(make_lone(numbered("w", 0)));

        cr_expect_eq(g->count, 0);
        cr_expect_eq(g->fleets[0].replicas, 0);
        cr_expect_str_eq(matching("*"), "");
        int count;
        cr_expect_null(group_start_order(g, &count));
        cr_expect_eq(count, 0);
        cr_expect_null(registry_start_order(&r, &count));
        cr_expect_eq(count, 0);
}

Test(registry, removes_a_group_with_everything_in_it)
{
        add(make_lone(plain("a", NULL)));
        add(make_lone(numbered("b", 3)));
        add(make_lone(plain("c", NULL)));
        registry_remove(&r, registry_group(&r, "b"));
        cr_expect_eq(r.group_count, 2);
        cr_expect_eq(r.process_count, 2);
        cr_expect_null(registry_group(&r, "b"));
        cr_expect_str_eq(matching("all"), "a c");
}

Test(registry, finds_fleets_by_program_and_says_when_there_are_several)
{
        bool ambiguous;

        add(make_lone(plain("lone", NULL)));
        add(GROUP("g", 1, plain("x", NULL), plain("y", NULL)));
        add(GROUP("h", 1, plain("x", NULL)));
        cr_expect_str_eq(registry_fleet(&r, "lone", &ambiguous)->program->name, "lone");
        cr_expect_str_eq(registry_fleet(&r, "y", &ambiguous)->group->name, "g");
        cr_expect_not(ambiguous);
        cr_expect_null(registry_fleet(&r, "x", &ambiguous));
        cr_expect(ambiguous);
        cr_expect_str_eq(registry_fleet(&r, "h:x", &ambiguous)->group->name, "h");
        cr_expect_not(ambiguous);
        cr_expect_null(registry_fleet(&r, "h:y", &ambiguous));
        cr_expect_null(registry_fleet(&r, "g:", &ambiguous));
        cr_expect_null(registry_fleet(&r, "none", &ambiguous));
        cr_expect_not(ambiguous);
        cr_expect_eq(process_fleet(registry_process(&r, "h:x")),
                     registry_fleet(&r, "h:x", &ambiguous));
}

/* ---- processes come and go */

Test(registry, adds_and_forgets_processes_of_a_fleet)
{
        struct group *g = add(make_lone(numbered("w", 2)));
        struct fleet *f = &g->fleets[0];

        struct process *p = registry_add_process(&r, f, 10, &host.ops, &e);
        cr_assert_not_null(p);
        cr_expect_eq(registry_add_process(&r, f, 10, &host.ops, &e), p);
        cr_assert_not_null(registry_add_process(&r, f, 5, &host.ops, &e));
        cr_expect_eq(r.process_count, 4);
        cr_expect_str_eq(matching("w:*"), "w:w_0 w:w_1 w:w_10 w:w_5");
        cr_expect_eq(f->procs[2]->number, 5);
        cr_expect_eq(f->procs[3]->number, 10);
        registry_forget(&r, f->procs[2]);
        registry_forget(&r, f->procs[0]);
        cr_expect_eq(r.process_count, 2);
        cr_expect_str_eq(matching("w:*"), "w:w_1 w:w_10");
        cr_expect_eq(f->count, 2);
        cr_expect_eq(group_process(g, "w_10"), p);
}

Test(registry, refuses_a_further_process_with_a_name_that_is_taken)
{
        struct group *g = add(make_lone(plain("w", NULL)));

        cr_expect_null(registry_add_process(&r, &g->fleets[0], 1, &host.ops, &e));
        cr_expect_eq(e.code, ERR_BUSY);
        cr_expect_eq(g->count, 1);
        cr_expect_eq(r.process_count, 1);
}

Test(registry, keeps_its_lists_right_through_random_scaling)
{
        struct group *g = add(make_lone(numbered("w", 4)));
        struct fleet *f = &g->fleets[0];
        bool there[64] = { true, true, true, true };
        unsigned seed = 11;

        for (int step = 0; step < 3000; step++) {
                int n = rand_r(&seed) % 64, count = 0;
                struct process *p = fleet_process(f, n);
                cr_assert_eq(p != NULL, there[n]);
                if (p)
                        registry_forget(&r, p);
                else
                        cr_assert_not_null(registry_add_process(&r, f, n, &host.ops, &e));
                there[n] = !there[n];
                for (int i = 0; i < 64; i++)
                        count += there[i];
                cr_assert_eq(g->count, count);
                cr_assert_eq(f->count, count);
                cr_assert_eq(r.process_count, count);
                for (int i = 1; i < count; i++) {
                        cr_assert_lt(f->procs[i - 1]->number, f->procs[i]->number);
                        cr_assert_lt(strcmp(g->procs[i - 1]->name, g->procs[i]->name), 0);
                }
        }
}

/* ---- pids */

Test(registry, finds_processes_by_pid)
{
        struct group *g = add(make_lone(numbered("w", 500)));

        for (int i = 0; i < 500; i++) {
                g->procs[i]->pid = 1000 + i * 64;
                registry_pid_add(&r, g->procs[i]);
        }
        for (int i = 0; i < 500; i++)
                cr_assert_eq(registry_by_pid(&r, 1000 + i * 64), g->procs[i]);
        cr_expect_null(registry_by_pid(&r, 1001));
        cr_expect_null(registry_by_pid(&r, 0));
        cr_expect_null(registry_by_pid(&r, -1));
        for (int i = 0; i < 500; i += 2) {
                registry_pid_remove(&r, g->procs[i]);
                registry_pid_remove(&r, g->procs[i]);
                g->procs[i]->pid = 0;
        }
        for (int i = 0; i < 500; i++)
                cr_assert_eq(registry_by_pid(&r, 1000 + i * 64), i % 2 ? g->procs[i] : NULL);
}

Test(registry, keeps_every_pid_while_its_table_grows)
{
        struct group *g = add(make_lone(numbered("w", 10)));
        struct fleet *f = &g->fleets[0];

        for (int n = 0; n < 1000; n++) {
                struct process *p = registry_add_process(&r, f, n, &host.ops, &e);
                p->pid = 100 + n;
                registry_pid_add(&r, p);
        }
        for (int n = 0; n < 1000; n++)
                cr_assert_eq(registry_by_pid(&r, 100 + n), fleet_process(f, n));
}

Test(registry, knows_no_pid_before_the_first)
{
        struct process p = { .pid = 7 };

        cr_expect_null(registry_by_pid(&r, 7));
        registry_pid_remove(&r, &p);
}

/* ---- orders */

Test(registry, lists_everything_alphabetically)
{
        add(GROUP("b", 1, numbered("z", 1), plain("a", NULL)));
        add(make_lone(numbered("p", 11)));
        add(make_lone(plain("a", "priority=5000")));
        cr_expect_str_eq(matching("all"), "a b:a b:z_0 p:p_0 p:p_1 p:p_10 p:p_2 p:p_3 p:p_4 p:p_5 "
                                          "p:p_6 p:p_7 p:p_8 p:p_9");
}

Test(registry, starts_groups_by_priority_and_processes_by_theirs)
{
        int count;

        add(make_lone(plain("late", "priority=2000")));
        add(GROUP("g", 999, plain("third", "priority=30"), numbered("second", 2),
                  plain("first", "priority=10")));
        add(make_lone(plain("early", "priority=1")));
        add(make_lone(plain("also", NULL)));
        struct process **list = registry_start_order(&r, &count);
        cr_expect_str_eq(names_of(list, count),
                         "early also g:first g:third g:second_0 g:second_1 late");
}

Test(registry, starts_equals_in_order_of_definition_and_numbers_as_text)
{
        int count;
        struct group *g = add(GROUP("g", 1, plain("z", NULL), numbered("p", 11), plain("a", NULL)));
        struct process **list = group_start_order(g, &count);

        cr_expect_str_eq(
            names_of(list, count),
            "g:z g:p_0 g:p_1 g:p_10 g:p_2 g:p_3 g:p_4 g:p_5 g:p_6 g:p_7 g:p_8 g:p_9 g:a");
}

Test(registry, matches_globs_in_the_order_of_status)
{
        static const struct {
                const char *pattern, *names;
        } globs[] = {
                { "all", "a g:a g:x web:web_0 web:web_1" },
                { "*", "a g:a g:x web:web_0 web:web_1" },
                { "web:*", "web:web_0 web:web_1" },
                { "web:", "web:web_0 web:web_1" },
                { "web", "" },
                { "a", "a" },
                { "a*", "a" },
                { "*:a", "a g:a" },
                { "g:a", "g:a" },
                { "?", "a" },
                { "w*", "web:web_0 web:web_1" },
                { "*_1", "web:web_1" },
                { "web:web_[0-9]", "web:web_0 web:web_1" },
                { "nothing*", "" },
                { "", "" },
                { ":", "" },
                { "[", "" },
        };

        add(make_lone(numbered("web", 2)));
        add(make_lone(plain("a", NULL)));
        add(GROUP("g", 1, plain("x", NULL), plain("a", NULL)));
        for (size_t i = 0; i < sizeof globs / sizeof *globs; i++)
                cr_expect_str_eq(matching(globs[i].pattern), globs[i].names, "%s: %s",
                                 globs[i].pattern, matching(globs[i].pattern));
}

/* What is a name means that name, also when it looks like a pattern. */
Test(registry, a_name_wins_against_a_pattern)
{
        add(make_lone(plain("w?", NULL)));
        add(make_lone(plain("wx", NULL)));
        add(GROUP("g[0]", 1, plain("a", NULL), plain("a*", NULL), plain("ab", NULL)));
        add(GROUP("g0", 1, plain("c", NULL)));
        cr_expect_str_eq(matching("w?"), "w?");
        cr_expect_str_eq(matching("w*"), "w? wx");
        cr_expect_str_eq(matching("g[0]:a*"), "g[0]:a*");
        cr_expect_str_eq(matching("g[0]:*"), "g[0]:a g[0]:a* g[0]:ab");
        cr_expect_str_eq(matching("g[0]:"), "g[0]:a g[0]:a* g[0]:ab");
        cr_expect_str_eq(matching("g?:*"), "g0:c");
}

/* ---- a new configuration for a group that stays */

Test(registry, follows_a_new_configuration_without_touching_processes)
{
        struct group *g = add(GROUP("g", 1, numbered("a", 2), numbered("b", 2), plain("c", NULL)));
        struct process *b1 = registry_process(&r, "g:b_1");
        struct group_conf *next = GROUP("g", 5, numbered("n", 1), numbered("b", 4));

        registry_forget(&r, registry_process(&r, "g:c"));
        cr_assert(group_follow(g, next, &host.ops, &e));
        group_conf_unref(next);
        cr_expect_eq(g->conf->priority, 5);
        cr_expect_eq(g->fleet_count, 3, "%d", g->fleet_count);
        cr_expect_str_eq(g->fleets[0].program->name, "n");
        cr_expect_eq(g->fleets[0].count, 0);
        cr_expect_eq(g->fleets[0].replicas, 1);
        cr_expect_str_eq(g->fleets[1].program->name, "b");
        cr_expect_eq(g->fleets[1].count, 2);
        cr_expect_eq(g->fleets[1].replicas, 4);
        cr_expect_str_eq(g->fleets[2].program->name, "a");
        cr_expect_eq(g->fleets[2].count, 2);
        cr_expect_eq(g->fleets[2].replicas, 0);
        cr_expect_eq(process_fleet(b1), &g->fleets[1]);
        cr_expect_eq(b1->program->numprocs, 2);
        cr_expect_eq(r.process_count, 4);
        cr_assert_not_null(registry_add_process(&r, &g->fleets[1], 2, &host.ops, &e));
        registry_forget(&r, registry_process(&r, "g:a_0"));
        cr_expect_eq(g->fleets[2].count, 1);
        registry_forget(&r, registry_process(&r, "g:a_1"));
        cr_expect_eq(g->fleet_count, 2);
        cr_expect_eq(r.process_count, 3);
}

Test(registry, a_renamed_fleet_and_the_old_one_live_side_by_side)
{
        struct group *g = add(make_lone(numbered("w", 2)));
        struct group_conf *renamed = make_lone(
            PROGRAM(&host.ops, "w", "command=x", "process_name=n%(process_num)d", "numprocs=2"));
        struct group_conf *back = make_lone(numbered("w", 2));

        cr_assert(group_follow(g, renamed, &host.ops, &e));
        cr_expect_eq(g->fleet_count, 2);
        struct process *n0 = registry_add_process(&r, &g->fleets[0], 0, &host.ops, &e);
        cr_assert_not_null(n0);
        cr_expect_str_eq(n0->name, "n0");
        cr_expect_eq(process_fleet(n0), &g->fleets[0]);
        cr_expect_eq(process_fleet(registry_process(&r, "w:w_0")), &g->fleets[1]);
        cr_expect_eq(group_fleet(g, "w"), &g->fleets[0]);
        registry_forget(&r, registry_process(&r, "w:w_1"));

        cr_assert(group_follow(g, back, &host.ops, &e));
        cr_expect_eq(g->fleet_count, 2);
        cr_expect_eq(process_fleet(registry_process(&r, "w:w_0")), &g->fleets[0]);
        cr_expect_eq(process_fleet(n0), &g->fleets[1]);
        cr_expect_eq(g->fleets[0].replicas, 2);
        registry_forget(&r, n0);
        cr_expect_eq(g->fleet_count, 1);
        cr_expect_str_eq(matching("w:*"), "w:w_0");
        group_conf_unref(renamed);
        group_conf_unref(back);
}

/* The name is the same in other words, and the lone process gets the number that it would start
 * with. */
Test(registry, a_fleet_is_followed_by_its_names)
{
        struct group *g = add(GROUP("g", 1, numbered("n", 2), plain("lone", NULL)));
        struct process *lone = registry_process(&r, "g:lone");
        struct process *n1 = registry_process(&r, "g:n_1");
        struct group_conf *next =
            GROUP("g", 1,
                  PROGRAM(&host.ops, "n", "command=x",
                          "process_name=%(program_name)s_%(process_num)01d", "numprocs=2"),
                  PROGRAM(&host.ops, "lone", "command=x", "process_name=lone", "numprocs_start=7"));

        cr_assert(group_follow(g, next, &host.ops, &e));
        group_conf_unref(next);
        cr_expect_eq(g->fleet_count, 2);
        cr_expect_eq(process_fleet(n1), &g->fleets[0]);
        cr_expect_eq(process_fleet(lone), &g->fleets[1]);
        cr_expect_eq(lone->number, 7);
        cr_expect_eq(fleet_process(&g->fleets[1], 7), lone);
}

Test(registry, a_scaled_fleet_keeps_its_number_unless_numprocs_changes)
{
        struct program *p = numbered("w", 3);
        struct group *g = add(make_lone(p));
        struct fleet *f = &g->fleets[0];
        struct program *same = numbered("w", 3), *more = numbered("w", 5);

        cr_expect_eq(fleet_target(f, same), 3);
        f->replicas = 8;
        f->scaled = true;
        cr_expect_eq(fleet_target(f, same), 8);
        cr_expect_eq(fleet_target(f, more), 5);
        same->numprocs_max = 6;
        cr_expect_eq(fleet_target(f, same), 6);
        same->numprocs_max = -1;
        same->numprocs_min = 9;
        cr_expect_eq(fleet_target(f, same), 9);
        same->numprocs_min = 0;

        struct group_conf *next = make_lone(same);
        cr_assert(group_follow(g, next, &host.ops, &e));
        group_conf_unref(next);
        cr_expect_eq(g->fleets[0].replicas, 8);
        cr_expect(g->fleets[0].scaled);
        next = make_lone(more);
        cr_assert(group_follow(g, next, &host.ops, &e));
        group_conf_unref(next);
        cr_expect_eq(g->fleets[0].replicas, 5);
        cr_expect_not(g->fleets[0].scaled);
}

/* ---- size */

Test(registry, ten_thousand_processes_are_cheap, .timeout = 20)
{
        struct group *g = add(make_lone(numbered("w", 10000)));
        struct fleet *f = &g->fleets[0];

        cr_assert_eq(g->count, 10000);
        for (int n = 10000; n < 12000; n++)
                cr_assert_not_null(registry_add_process(&r, f, n, &host.ops, &e));
        for (int n = 0; n < 12000; n++)
                cr_assert_eq(fleet_process(f, n)->number, n);
        for (int n = 11999; n >= 6000; n--)
                registry_forget(&r, fleet_process(f, n));
        cr_expect_eq(r.process_count, 6000);
}

Test(registry, ten_thousand_groups_are_cheap, .timeout = 20)
{
        for (int i = 0; i < 10000; i++) {
                char name[16];
                snprintf(name, sizeof name, "g%d", (i * 7919) % 10000);
                cr_assert_not_null(add(make_lone(plain(name, NULL))));
        }
        cr_expect_eq(r.group_count, 10000);
        cr_expect_str_eq(registry_process(&r, "g1234")->name, "g1234");
}
