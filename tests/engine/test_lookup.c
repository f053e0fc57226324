#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "engine/core/startup.h"
#include "engine/order/lookup.h"
#include "engine/order/reload.h"
#include "house.h"

#define QUICK           \
        "command=/bin/" \
        "w\nstartsecs=0\nstdout_logfile=NONE\nstderr_logfile=NONE\nautorestart=true\n"
#define NAMED QUICK "healthcheck=tcp://db.example:80\n"

static struct house h;
static struct lookups *names;

static void end(void)
{
        house_close(&h);
        lookups_free(names);
}

TestSuite(reading, .fini = end, .timeout = 30);

/* The daemon runs; from now on names are looked up by the child. */
static void begin(const char *body)
{
        house_open(&h, "", body);
        house_begin(&h);
        names = lookups_new(&h.host.ops);
        cr_assert(names);
        startup_of(&h.sup)->names = names;
        h.sup.host = lookups_world(names);
}

struct order {
        struct reading reading;
        int told;
        enum fault fault;
        int warnings;
};

static void on_read(void *arg)
{
        struct order *o = arg;
        struct plan plan = { 0 };
        struct diags diags = { 0 };

        o->told++;
        o->fault = order_apply(&h.sup, false, NULL, &plan, &diags);
        o->warnings = (int)diags.warnings;
        plan_release(&plan);
        diags_release(&diags);
}

static void give(struct order *o)
{
        *o = (struct order){ .reading = { .on_read = on_read, .arg = o } };
        reading_begin(&h.sup, &o->reading);
}

static bool has_flag(const struct fake_child *c, const char *flag)
{
        return c->argv.count > 1 && strcmp(c->argv.items[1], flag) == 0;
}

static size_t children(const char *flag)
{
        size_t count = 0;

        for (size_t i = 0; i < h.kernel.child_count; i++)
                count += has_flag(h.kernel.children[i], flag);
        return count;
}

static struct fake_child *newest(const char *flag)
{
        size_t i = h.kernel.child_count;

        while (i > 0 && !has_flag(h.kernel.children[i - 1], flag))
                i--;
        cr_assert_gt(i, 0);
        return h.kernel.children[i - 1];
}

/* The child says what it was asked, and ends. */
static void child_answers(bool everything)
{
        AUTO_BUF answers = BUF_INIT;
        struct fake_child *c = newest(LOOKUP_FLAG);
        char questions[4096];
        ssize_t n = pread(c->fds[0], questions, sizeof questions, 0);

        cr_assert_geq(n, 0);
        for (ssize_t at = 0; everything && at < n; at += (ssize_t)strlen(questions + at) + 1)
                lookup_answer(&h.host.ops, questions + at, &answers);
        cr_assert_eq(write(c->fds[1], buf_str(&answers), answers.len), (ssize_t)answers.len);
        kernel_end(&h.kernel, c->pid, KERNEL_EXITED(0));
        ev_run(h.sup.loop, EVRUN_NOWAIT);
        ev_run(h.sup.loop, EVRUN_NOWAIT);
        reaper_drain(&h.sup);
}

Test(reading, a_file_without_names_is_read_at_once)
{
        struct order o;

        begin("[program:a]\n" QUICK);
        give(&o);
        cr_expect_eq(o.told, 1);
        cr_expect_eq(o.fault, FAULT_NONE);
        cr_expect_eq(children(LOOKUP_FLAG), 0);
}

Test(reading, others_are_served_while_names_are_looked_up)
{
        struct order o;

        begin("[program:a]\n" QUICK);
        house_rewrite(&h, "", "[program:a]\n" QUICK "[program:b]\n" NAMED "user=web\n");
        give(&o);
        cr_expect_eq(o.told, 0);
        cr_expect_eq(children(LOOKUP_FLAG), 1);
        house_end(&h, "a", KERNEL_EXITED(1));
        house_later(&h, 10000);
        cr_expect_str_eq(house_state(&h, "a"), "RUNNING");
        child_answers(true);
        cr_expect_eq(o.told, 1);
        cr_expect_eq(o.fault, FAULT_NONE);
        cr_expect_eq(o.warnings, 0);
        cr_expect_str_eq(house_state(&h, "b"), "RUNNING");
        cr_expect_not(house_said(&h, "reaped unknown"));
}

Test(reading, orders_that_come_meanwhile_wait_for_the_same_answers)
{
        struct order o[3];

        begin("[program:a]\n" QUICK);
        house_rewrite(&h, "", "[program:a]\n" NAMED);
        for (int i = 0; i < 3; i++)
                give(&o[i]);
        reading_cancel(&o[1].reading);
        child_answers(true);
        cr_expect_eq(children(LOOKUP_FLAG), 1);
        cr_expect_eq(o[0].told + o[2].told, 2);
        cr_expect_eq(o[1].told, 0);
}

Test(reading, without_an_answer_the_order_goes_on_and_says_so)
{
        struct order o;

        begin("[program:a]\n" QUICK);
        house_rewrite(&h, "", "[program:a]\n" NAMED);
        give(&o);
        child_answers(false);
        cr_expect_eq(o.told, 1);
        cr_expect_eq(o.fault, FAULT_NONE);
        cr_expect_eq(o.warnings, 1);
        cr_expect(house_said(&h, "the host 'db.example' cannot be looked up now"));
        cr_expect_str_eq(house_state(&h, "a"), "RUNNING");
}

Test(reading, a_user_without_an_answer_refuses_the_file_and_touches_nothing)
{
        struct order o;

        begin("[program:a]\n" QUICK);
        pid_t before = house_process(&h, "a")->pid;
        house_rewrite(&h, "", "[program:b]\n" QUICK "user=web\n");
        give(&o);
        child_answers(false);
        cr_expect_eq(o.fault, FAULT_CANT_REREAD);
        cr_expect_eq(house_process(&h, "a")->pid, before);
        cr_expect(house_said(&h, "The user web cannot be looked up"));
}

Test(reading, a_child_that_cannot_be_started_is_said_and_not_waited_for)
{
        struct order o;

        begin("[program:a]\n" QUICK);
        house_rewrite(&h, "", "[program:a]\n" NAMED);
        kernel_fail(&h.kernel, K_SPAWN, 1, EAGAIN);
        give(&o);
        cr_expect_eq(o.told, 1);
        cr_expect_eq(o.warnings, 1);
        cr_expect(house_said(&h, "it cannot be asked for: couldn't "));
}

Test(reading, a_file_that_changes_meanwhile_is_read_as_it_is_then)
{
        struct order o;

        begin("[program:a]\n" QUICK);
        house_rewrite(&h, "", "[program:a]\n" NAMED);
        give(&o);
        house_rewrite(&h, "", "[program:a]\n" NAMED "user=web\n");
        child_answers(true);
        cr_expect_eq(o.told, 0);
        child_answers(true);
        cr_expect_eq(o.told, 1);
        cr_expect_eq(o.warnings, 0);
        cr_expect_eq(house_process(&h, "a")->program->user.who.uid, 1000);
}

Test(reading, a_plan_looks_nothing_up)
{
        struct plan plan = { 0 };
        struct diags diags = { 0 };

        begin("[program:a]\n" QUICK);
        house_rewrite(&h, "", "[program:a]\n" QUICK "[program:b]\n" NAMED "user=games\n");
        cr_expect_eq(order_apply(&h.sup, true, NULL, &plan, &diags), FAULT_NONE);
        cr_expect_eq(plan.count, 2);
        cr_expect_eq(children(LOOKUP_FLAG), 0);
        plan_release(&plan);
        diags_release(&diags);
}

Test(reading, the_daemon_s_end_does_not_wait_for_names)
{
        struct order o;

        begin("[program:a]\n" QUICK);
        house_rewrite(&h, "", "[program:a]\n" NAMED);
        give(&o);
        shutdown_request(&h.sup, "test");
        cr_expect_eq(o.told, 1);
        cr_expect_eq(o.fault, FAULT_SHUTDOWN_STATE);
}
