#include <criterion/criterion.h>
#include <stdio.h>

#include "engine/order/autostart.h"
#include "house.h"

#define MANY 3000
#define FLEET                                                                     \
        "[program:w]\ncommand=/bin/w\nstdout_logfile=NONE\nstderr_logfile=NONE\n" \
        "startsecs=0\nprocess_name=w%(process_num)04d\nnumprocs=3000\n"

static struct house h;

static void teardown(void)
{
        house_close(&h);
}

TestSuite(autostart, .fini = teardown, .timeout = 60);

/* Every start takes so long that a slice is over after a few of them. */
static bool slow_spawn(struct sys *sys, const struct launch *l, struct spawned *out)
{
        static bool (*real)(struct sys *, const struct launch *, struct spawned *);
        struct fake_kernel *k = (struct fake_kernel *)sys;
        struct fake_kernel plain;

        if (!real) {
                kernel_init(&plain);
                real = plain.ops.spawn;
                kernel_release(&plain);
        }
        int64_t until = clock_mono_ms() + (k->child_count % 20 == 0);
        while (clock_mono_ms() < until)
                ;
        return real(sys, l, out);
}

static void open_slow(void)
{
        house_open(&h, "", FLEET);
        h.kernel.ops.spawn = slow_spawn;
        supervisor_begin(&h.sup);
}

static struct process *number(int n)
{
        char name[16];

        snprintf(name, sizeof name, "w:w%04d", n);
        return house_process(&h, name);
}

static bool goes_on(void)
{
        return *(void **)component_own(&h.sup, COMPONENT_operations) != NULL;
}

static void go_on(void)
{
        while (goes_on())
                ev_run(h.sup.loop, EVRUN_NOWAIT);
}

Test(autostart, leaves_the_loop_its_turn_and_preserves_the_order)
{
        open_slow();
        size_t first = h.kernel.child_count;
        cr_assert(goes_on() && first > 0 && first < MANY, "%zu at once", first);
        while (h.kernel.child_count == first)
                ev_run(h.sup.loop, EVRUN_NOWAIT);
        cr_expect(h.kernel.child_count < MANY);
        go_on();
        cr_assert_eq(h.kernel.child_count, MANY);
        for (int i = 0; i < MANY; i += 100)
                cr_expect_eq(h.kernel.children[i]->pid, number(i)->pid);
        for (int i = 0; i < 3; i++) /* and then it waits */
                ev_run(h.sup.loop, EVRUN_NOWAIT);
        cr_expect_eq(h.kernel.child_count, MANY);
}

Test(autostart, spares_a_process_that_was_stopped_before_its_turn)
{
        open_slow();
        cr_assert_eq(number(2999)->state, PS_STOPPED);
        cr_expect_eq(order_stop(&h.sup, number(2999), NULL), FAULT_NOT_RUNNING);
        struct err e = { 0 };
        cr_expect_eq(order_start(&h.sup, number(2998), NULL, &e), FAULT_NONE);
        pid_t pid = number(2998)->pid;
        go_on();
        cr_expect_eq(number(2999)->state, PS_STOPPED);
        cr_expect_eq(number(2998)->pid, pid);
        cr_expect_eq(h.kernel.child_count, MANY - 1);
}

Test(autostart, ends_with_the_daemon)
{
        open_slow();
        size_t first = h.kernel.child_count;
        h.kernel.obeys_term = false;
        shutdown_request(&h.sup, "a test");
        for (int i = 0; i < 10; i++)
                ev_run(h.sup.loop, EVRUN_NOWAIT);
        cr_expect_eq(h.kernel.child_count, first);
}
