#include <criterion/criterion.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "base/worker_thread.h"

static struct worker_thread worker;
static struct err err;
static sem_t go, done;
static atomic_int ends;

static void on_end(void *arg)
{
        atomic_fetch_add((atomic_int *)arg, 1);
}

static void start(void)
{
        sem_init(&go, 0, 0);
        sem_init(&done, 0, 0);
        cr_assert(worker_thread_open(&worker, "the test", &err), "%s", err.text);
        cr_assert(worker_thread_start(&worker, "the test", on_end, &ends, &err), "%s", err.text);
}

static void stop(void)
{
        cr_assert(worker_thread_stop(&worker, 60));
        mailbox_close(&worker.inbox);
        worker_thread_close(&worker);
        cr_expect_eq(atomic_load(&ends), 1);
        cr_expect_null(worker.loop);
}

static void wait_for_go(struct mail *m)
{
        (void)m;
        while (sem_wait(&go) < 0)
                ;
        sem_post(&done);
}

static sigset_t mask;

static void look_at_mask(struct mail *m)
{
        (void)m;
        pthread_sigmask(SIG_SETMASK, NULL, &mask);
        sem_post(&done);
}

Test(worker_thread, does_what_was_sent_before_it_stops)
{
        struct mail mails[100] = { 0 };
        int count = 0;

        start();
        for (int i = 0; i < 100; i++) {
                mails[i].run = wait_for_go;
                mailbox_send(&worker.inbox, &mails[i]);
                sem_post(&go);
        }
        stop();
        while (sem_trywait(&done) == 0)
                count++;
        cr_expect_eq(count, 100);
}

Test(worker_thread, is_waited_for_up_to_its_limit)
{
        struct mail m = { NULL, wait_for_go };

        start();
        mailbox_send(&worker.inbox, &m);
        cr_expect_not(worker_thread_stop(&worker, 0), "it hangs");
        cr_expect_eq(atomic_load(&ends), 0);
        sem_post(&go);
        while (sem_wait(&done) < 0)
                ;
}

Test(worker_thread, has_all_signals_blocked_and_its_owner_has_not)
{
        struct mail m = { NULL, look_at_mask };
        sigset_t own;

        start();
        mailbox_send(&worker.inbox, &m);
        while (sem_wait(&done) < 0)
                ;
        cr_expect(sigismember(&mask, SIGTERM) && sigismember(&mask, SIGCHLD));
        pthread_sigmask(SIG_SETMASK, NULL, &own);
        cr_expect_not(sigismember(&own, SIGTERM));
        stop();
}
