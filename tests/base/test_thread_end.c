/* A thread that comes to its end, and one that does not. */
#include <criterion/criterion.h>
#include <semaphore.h>

#include "base/thread_end.h"

static struct thread_end end;
static sem_t go;

static void *run(void *arg)
{
        (void)arg;
        while (sem_wait(&go) < 0)
                ;
        thread_end_say(&end);
        return NULL;
}

Test(thread_end, is_waited_for_up_to_its_limit)
{
        pthread_t thread;

        sem_init(&go, 0, 0);
        thread_end_init(&end);
        cr_assert_eq(pthread_create(&thread, NULL, run, NULL), 0);
        cr_expect_not(thread_end_join(&end, thread, 0), "it hangs");
        cr_expect_not(thread_end_join(&end, thread, 1), "and still does");
        sem_post(&go);
        cr_expect(thread_end_join(&end, thread, 60));
}
