/* What a process leaves to the process of the next daemon. */
#include "model/unit/process_memory.h"

#include <criterion/criterion.h>
#include <string.h>

#include "subject.h"

static struct program web;
static struct process *first, *second;
static struct process image;
static struct field_times failures;

static void setup(void)
{
        web = subject_program();
        web.restart_limit = (struct rate){ .count = 3, .window_ms = 60000 };
        first = process_new("web", NULL, &web, 0);
        second = process_new("web", NULL, &web, 0);
        cr_assert(first && second);
}

static void teardown(void)
{
        process_free(first);
        process_free(second);
}

TestSuite(memory, .init = setup, .fini = teardown);

static void carry_over(void)
{
        const char *why = process_spawnerr(first);

        process_failures(first, &failures);
        cr_assert(process_recall(second, first, &failures, why ? why : ""));
}

static void run(int64_t now)
{
        process_order(first, PE_START, at_ms(now));
        process_spawned(first, 42, at_ms(now));
        process_tick(first, at_ms(now + 1000));
}

Test(memory, a_running_process_runs_on_with_its_uptime)
{
        run(0);
        carry_over();
        cr_expect_eq(second->state, PS_RUNNING);
        cr_expect_eq(second->pid, 42);
        cr_expect_eq(second->spawned_ms, BORN_MS);
        cr_expect(second->recalled);
        process_died(second, EXITED(7), at_ms(5000));
        cr_expect_eq(second->state, PS_RESPAWN);
        cr_expect_eq(second->ending.code, 7);
}

Test(memory, a_stop_goes_on_with_the_time_that_is_left)
{
        run(0);
        process_order(first, PE_STOP, at_ms(2000));
        carry_over();
        cr_expect_eq(process_tick(second, at_ms(11000)), 0);
        cr_expect_eq(process_tick(second, at_ms(12000)), DO_KILL);
        cr_expect_eq(second->state, PS_STOPPING);
}

Test(memory, a_wait_for_what_remains_goes_on)
{
        run(0);
        process_died(first, EXITED(1), at_ms(2000));
        first->remains = true;
        process_order(first, PE_STOP, at_ms(3000));
        carry_over();
        cr_expect_eq(second->state, PS_STOPPING);
        cr_expect(second->remains);
        cr_expect_eq(process_tick(second, at_ms(3000 + web.stopwaitsecs * 1000)), DO_KILL);
        process_cleared(second, at_ms(60000));
        cr_expect_eq(second->state, PS_STOPPED);
}

Test(memory, a_backoff_goes_on_and_tries_are_counted_on)
{
        int64_t was, is;

        process_order(first, PE_START, at_ms(0));
        process_spawned(first, 42, at_ms(0));
        process_died(first, EXITED(1), at_ms(10));
        carry_over();
        cr_expect_eq(second->state, PS_BACKOFF);
        cr_expect_eq(second->tries, 1);
        cr_assert(process_due(first, &was) && process_due(second, &is));
        cr_expect_eq(is, was);
        cr_expect_str_eq(process_spawnerr(second), process_spawnerr(first));
        cr_expect_eq(process_tick(second, at_ms(1010)), DO_SPAWN);
}

Test(memory, the_breaker_keeps_counting)
{
        for (int i = 0; i < 3; i++) {
                process_order(first, i ? PE_GIVE_UP : PE_START, at_ms(i));
                first->state = PS_RUNNING;
                first->pid = 42;
                process_died(first, EXITED(1), at_ms(i * 10));
        }
        carry_over();
        cr_expect_eq(second->breaker.count, 3);
        second->state = PS_RUNNING;
        second->pid = 43;
        process_died(second, EXITED(1), at_ms(50));
        cr_expect_eq(second->waiting, WAIT_GIVE_UP);
}

Test(memory, a_process_that_the_operator_stopped_stays_stopped)
{
        run(0);
        process_order(first, PE_STOP, at_ms(2000));
        process_died(first, EXITED(0), at_ms(2100));
        carry_over();
        cr_expect_eq(second->state, PS_STOPPED);
        cr_expect_eq(second->pid, 0);
        cr_expect(second->ending.happened && second->ending.expected);
}

Test(memory, a_lost_worker_is_restarted_by_policy_and_its_code_is_unknown)
{
        AUTO_BUF text = BUF_INIT;

        run(0);
        carry_over();
        process_lost(second, at_ms(9000));
        cr_expect_eq(second->state, PS_RESPAWN);
        cr_expect_not(second->ending.known);
        ending_text(&second->ending, &text);
        cr_expect_str_eq(buf_str(&text), "unknown (ended while unsupervised)");
}

Test(memory, a_lost_worker_that_is_never_restarted_has_exited)
{
        web.autorestart = RESTART_NEVER;
        run(0);
        carry_over();
        process_lost(second, at_ms(9000));
        cr_expect_eq(second->state, PS_EXITED);
}

static bool recalls(struct process *p)
{
        return process_recall(p, &image, &failures, "");
}

Test(memory, makes_no_sense_of_nonsense)
{
        run(0);
        process_failures(first, &failures);
        image = *first;
        image.state = PS_COUNT;
        cr_expect_not(recalls(second));
        image = *first;
        image.pid = 0;
        cr_expect_not(recalls(second), "RUNNING without a pid");
        image = *first;
        image.state = PS_STOPPED;
        cr_expect_not(recalls(second), "STOPPED with a pid");
        image = *first;
        failures.count = FIELD_TIMES_MAX + 1;
        cr_expect_not(recalls(second));
        cr_expect_eq(second->state, PS_STOPPED);
        failures.count = 0;
        for (size_t i = 0; i < process_fields.count; i++)
                for (int k = 0; k < process_fields.rows[i].width; k++) {
                        const struct field *f = &process_fields.rows[i];
                        struct process *any = process_new("web", NULL, &web, 0);
                        image = *first;
                        if (f->type != FIELD_BOOL)
                                ((unsigned char *)&image)[f->offset + k] ^= 0xff;
                        recalls(any); /* whatever it says, it is in range */
                        process_tick(any, at_ms(100));
                        cr_assert(any->state > PS_NONE && any->state < PS_COUNT);
                        process_free(any);
                }
}
