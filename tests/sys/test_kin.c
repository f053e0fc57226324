#include "isolated.h"

#include <pthread.h>
#include <signal.h>

#include "sys/kin.h"

static pid_t pause_below(bool own_session)
{
        pid_t pid = fork();

        if (pid == 0) {
                if (own_session)
                        setsid();
                for (;;)
                        pause();
        }
        return pid;
}

static void end(pid_t pid)
{
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
}

static bool holds(const struct proc_table *t, pid_t pid)
{
        bool found = false;

        for (size_t i = 0; i < t->count; i++)
                found |= t->items[i].pid == pid;
        return found;
}

struct forker {
        pid_t child;
        int said[2], leave[2];
};

static void *fork_and_wait(void *arg)
{
        struct forker *f = arg;
        char byte;

        f->child = pause_below(true);
        if (write(f->said[1], "x", 1) != 1 || read(f->leave[0], &byte, 1) < 0)
                return NULL;
        return f;
}

static int threads(void)
{
        struct forker f = { .child = -1 };
        struct proc_table t;
        pthread_t thread;
        pid_t me = getpid();
        char byte;

        CHECK(pipe(f.said) == 0 && pipe(f.leave) == 0);
        CHECK(pthread_create(&thread, NULL, fork_and_wait, &f) == 0);
        CHECK(read(f.said[0], &byte, 1) == 1 && f.child > 0);
        bool fine = kin_tree(&me, 1, &t), seen = fine && holds(&t, f.child) && holds(&t, me);
        proc_table_release(&t);
        CHECK(write(f.leave[1], "x", 1) == 1);
        pthread_join(thread, NULL);
        end(f.child);
        CHECK(fine && seen);
        return 0;
}

Test(kin, sees_the_children_of_every_thread)
{
        isolated(threads);
}

static int two_roots(void)
{
        pid_t roots[3] = { pause_below(false), pause_below(true), 0x3fffffff };
        struct proc_table t;

        CHECK(roots[0] > 0 && roots[1] > 0);
        bool fine = kin_tree(roots, 3, &t);
        size_t count = fine ? t.count : 0;
        bool both = fine && holds(&t, roots[0]) && holds(&t, roots[1]);
        proc_table_release(&t);
        end(roots[0]);
        end(roots[1]);
        CHECK(fine && both && count == 2);
        CHECK(kin_tree(roots, 2, &t) && t.count == 0);
        CHECK(kin_tree(NULL, 0, &t) && t.count == 0);
        return 0;
}

Test(kin, leaves_out_who_has_ended)
{
        isolated(two_roots);
}
