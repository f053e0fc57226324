#include "isolated.h"

#include <pthread.h>
#include <signal.h>

#include "sys/process/child_pid.h"

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
        bool fine = child_tree(sys_real(), &me, 1, &t),
             seen = fine && holds(&t, f.child) && holds(&t, me);
        proc_table_release(&t);
        CHECK(write(f.leave[1], "x", 1) == 1);
        pthread_join(thread, NULL);
        end(f.child);
        CHECK(fine && seen);
        return 0;
}

Test(child_pid, sees_the_children_of_every_thread)
{
        isolated(threads);
}

static int two_roots(void)
{
        pid_t roots[3] = { pause_below(false), pause_below(true), 0x3fffffff };
        struct proc_table t;

        CHECK(roots[0] > 0 && roots[1] > 0);
        bool fine = child_tree(sys_real(), roots, 3, &t);
        size_t count = fine ? t.count : 0;
        bool both = fine && holds(&t, roots[0]) && holds(&t, roots[1]);
        proc_table_release(&t);
        end(roots[0]);
        end(roots[1]);
        CHECK(fine && both && count == 2);
        CHECK(child_tree(sys_real(), roots, 2, &t) && t.count == 0);
        CHECK(child_tree(sys_real(), NULL, 0, &t) && t.count == 0);
        return 0;
}

Test(child_pid, leaves_out_processes_that_have_ended)
{
        isolated(two_roots);
}

/* ---- stopped in place */

static char state_of(pid_t pid)
{
        struct proc_entry e;

        return proc_entry_read(pid, &e) ? e.state : '-';
}

static bool becomes_stopped(pid_t pid)
{
        for (int i = 0; i < 5000 && state_of(pid) != 'T'; i++)
                usleep(1000);
        return state_of(pid) == 'T';
}

static int stopped_below(void)
{
        struct child_stopped set = { 0 };
        struct proc_entry root;
        int said[2];
        pid_t below = 0;

        CHECK(pipe(said) == 0);
        pid_t pid = fork();
        if (pid == 0) {
                below = pause_below(true);
                if (write(said[1], &below, sizeof below) != sizeof below)
                        _exit(99);
                for (;;)
                        pause();
        }
        CHECK(read(said[0], &below, sizeof below) == sizeof below);
        bool fine = proc_entry_read(pid, &root) && child_stop(sys_real(), &set, &root) &&
                    child_stop(sys_real(), &set, &root);
        size_t count = set.all.count;
        bool knows = child_stopped_has(&set, pid) && child_stopped_has(&set, below) &&
                     !child_stopped_has(&set, getpid());
        bool stopped = becomes_stopped(pid) && becomes_stopped(below);
        child_stopped_release(&set);
        kill(below, SIGKILL);
        end(pid);
        CHECK(fine && knows && stopped && count == 2);
        return 0;
}

Test(child_pid, stops_a_process_with_all_below_it)
{
        isolated(stopped_below);
}

/* A stopped process forks no more, so no process of a chain of forks gets away. */
static int chain(void)
{
        struct child_stopped set = { 0 };
        struct proc_entry root;
        pid_t pid = fork();

        if (pid == 0) {
                for (int i = 0; i < 2000; i++) {
                        usleep(1000);
                        if (fork() > 0)
                                break;
                        setsid();
                }
                for (;;)
                        pause();
        }
        usleep(50000);
        struct proc_table t = { 0 };
        bool fine = proc_entry_read(pid, &root);
        size_t count = 0;
        for (int i = 0; i < 200 && fine && (count == 0 || t.count != count); i++) {
                fine = child_stop(sys_real(), &set, &root);
                count = set.all.count;
                child_stopped_release(&set);
                usleep(10000); /* a fork that was under way may be seen now */
                proc_table_release(&t);
                fine = fine && child_tree(sys_real(), &pid, 1, &t);
        }
        bool stable = t.count == count;
        proc_table_release(&t);
        usleep(50000);
        fine = fine && child_tree(sys_real(), &pid, 1, &t);
        size_t after = t.count;
        for (size_t i = 0; i < t.count; i++)
                child_signal(sys_real(), &t.items[i], SIGKILL);
        proc_table_release(&t);
        waitpid(pid, NULL, 0);
        CHECK(fine && count > 1 && stable && after == count);
        return 0;
}

Test(child_pid, no_process_gets_away_by_forking_on)
{
        isolated(chain);
}

static int environment(void)
{
        struct buf env = BUF_INIT;
        char *argv[] = { "sleep", "1000", NULL }, *envp[] = { "A=1", "B=two words", NULL };
        pid_t pid = fork();

        if (pid == 0) {
                execve("/bin/sleep", argv, envp);
                _exit(99);
        }
        bool fine = false;
        for (int i = 0; i < 5000 && !fine; i++, usleep(1000)) {
                buf_reset(&env);
                fine = proc_environ(pid, &env) && env.len == sizeof "A=1\0B=two words" &&
                       memcmp(env.data, "A=1\0B=two words", env.len) == 0;
        }
        end(pid);
        buf_reset(&env);
        bool gone = !proc_environ(pid, &env);
        buf_release(&env);
        CHECK(fine && gone);
        return 0;
}

Test(child_pid, knows_what_a_process_was_started_with)
{
        isolated(environment);
}
