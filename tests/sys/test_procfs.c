#include "isolated.h"

#include <signal.h>
#include <time.h>

#include "base/unconst.h"
#include "sys/process/child_pid.h"
#include "sys/process/procfs.h"
#include "sys/sys.h"

static pid_t start(const char *script)
{
        char *argv[] = { (char *)"sh", (char *)"-c", unconst(script), NULL };
        char *envp[] = { (char *)"PATH=/usr/bin:/bin", NULL };
        struct launch l = {
                .path = "/bin/sh", .argv = argv, .envp = envp, .umask = -1, .fds = { 0, 1, 2 }
        };
        struct spawned out;
        struct sys *s = sys_real();

        return s->spawn(s, &l, &out) ? out.pid : -1;
}

static bool named(const struct proc_entry *list, size_t count, const char *name, size_t wanted)
{
        size_t hits = 0;

        for (size_t i = 0; i < count && i < 16; i++)
                hits += strcmp(list[i].name, name) == 0;
        return hits == wanted;
}

/* Until so many of this name belong to it, at most ten seconds. */
static size_t wait_for(pid_t leader, const char *name, size_t wanted, struct proc_entry list[16])
{
        time_t end = time(NULL) + 10;

        for (;;) {
                struct proc_table t;
                if (!proc_table_read(&t))
                        return 0;
                size_t count = proc_descendants(&t, leader, list, 16);
                proc_table_release(&t);
                if (named(list, count, name, wanted) || time(NULL) > end)
                        return count;
                poll(NULL, 0, 5);
        }
}

static void end_all(pid_t leader, const struct proc_entry *list, size_t count)
{
        for (size_t i = 0; i < count; i++)
                kill(list[i].pid, SIGKILL);
        kill(leader, SIGKILL);
        waitpid(leader, NULL, 0);
}

static int a_tree(void)
{
        struct proc_entry list[16];
        /* a child; one that left the session; a double-forked one, whose parent is gone; and one
         * that both left the session and has a child */
        pid_t leader = start("sleep 100 & setsid sleep 100 & (sleep 100 &) ; "
                             "setsid sh -c 'sleep 100; :' & wait");

        CHECK(leader > 0);
        size_t count = wait_for(leader, "sleep", 4, list);
        bool leader_listed = false, left = false, orphaned = false;
        for (size_t i = 0; i < count; i++) {
                leader_listed |= list[i].pid == leader;
                left |= list[i].session != leader && list[i].parent == leader;
                orphaned |= list[i].session == leader && list[i].parent != leader;
        }
        end_all(leader, list, count);
        CHECK(named(list, count, "sleep", 4));
        CHECK(count == 5);
        CHECK(!leader_listed && left && orphaned);
        return 0;
}

Test(procfs, finds_children_that_left_the_session_or_their_parent)
{
        isolated(a_tree);
}

static int zombies(void)
{
        struct proc_entry list[16];
        struct proc_entry entry;
        pid_t leader = start("sleep 0 & exec sleep 100");
        time_t end = time(NULL) + 10;

        CHECK(leader > 0);
        /* the shell became a sleep that never waits: its child stays a zombie */
        size_t count = 1;
        while (time(NULL) <= end) {
                struct proc_table t;
                size_t all = 0;
                CHECK(proc_table_read(&t));
                for (size_t i = 0; i < t.count; i++)
                        all += t.items[i].parent == leader && t.items[i].state == 'Z';
                count = proc_descendants(&t, leader, list, 16);
                proc_table_release(&t);
                if (all == 1)
                        break;
                poll(NULL, 0, 5);
        }
        bool read_it = proc_entry_read(leader, &entry);
        end_all(leader, list, 0);
        CHECK(count == 0);
        CHECK(read_it && entry.pid == leader && entry.session == leader && entry.group == leader &&
              entry.parent == getpid() && entry.start_ticks > 0);
        CHECK(!proc_entry_read(leader, &entry));
        return 0;
}

Test(procfs, leaves_zombies_out)
{
        isolated(zombies);
}

Test(procfs, counts_beyond_the_callers_room)
{
        struct proc_entry items[] = {
                { .pid = 10, .parent = 1, .session = 10, .state = 'S' },
                { .pid = 11, .parent = 10, .session = 10, .state = 'S' },
                { .pid = 12, .parent = 11, .session = 12, .state = 'S' },
                { .pid = 13, .parent = 12, .session = 12, .state = 'S' },
                { .pid = 14, .parent = 1, .session = 14, .state = 'S' },
        };
        struct proc_table t = { items, 5 };
        struct proc_entry out[1];

        cr_assert_eq(proc_descendants(&t, 10, out, 1), 3);
        cr_assert_eq(out[0].pid, 11);
        cr_assert_eq(proc_descendants(&t, 14, out, 1), 0);
        cr_assert_eq(proc_descendants(&t, 10, NULL, 0), 3);
}

Test(procfs, survives_a_circle_of_parents)
{
        struct proc_entry items[] = {
                { .pid = 11, .parent = 12, .session = 5, .state = 'S' },
                { .pid = 12, .parent = 11, .session = 5, .state = 'S' },
        };
        struct proc_table t = { items, 2 };

        cr_assert_eq(proc_descendants(&t, 10, NULL, 0), 0);
}

static int odd_names(void)
{
        struct proc_entry entry;
        char text[256];

        CHECK(prctl(PR_SET_NAME, "a) R 1 (b c") == 0);
        CHECK(proc_entry_read(getpid(), &entry));
        CHECK(strcmp(entry.name, "a) R 1 (b c") == 0);
        CHECK(entry.pid == getpid() && entry.parent == getppid() && entry.state == 'R');
        proc_command(getpid(), text, sizeof text);
        CHECK(text[0] != '\0' && text[0] != '[');
        return 0;
}

Test(procfs, reads_names_with_brackets_and_blanks)
{
        isolated(odd_names);
}

static int command_lines(void)
{
        char text[256], little[8];
        pid_t pid = start("exec sleep 100 2>/dev/null");
        time_t end = time(NULL) + 10;

        CHECK(pid > 0);
        do
                proc_command(pid, text, sizeof text);
        while (strcmp(text, "sleep 100") != 0 && time(NULL) <= end);
        proc_command(pid, little, sizeof little);
        kill(pid, SIGKILL);
        siginfo_t info;
        CHECK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0);
        CHECK(strcmp(text, "sleep 100") == 0);
        CHECK(strcmp(little, "sleep 1") == 0);
        proc_command(pid, text, sizeof text); /* a zombie has no command line */
        CHECK(strcmp(text, "[sleep]") == 0);
        CHECK(waitpid(pid, NULL, 0) == pid);
        proc_command(pid, text, sizeof text);
        CHECK(strcmp(text, "[?]") == 0);
        return 0;
}

Test(procfs, shows_command_lines)
{
        isolated(command_lines);
}

/* Its only child leaves the process group, and stays in the session. */
static int a_session_that_outlives_its_leader(void)
{
        char member[16] = "";
        int ends[2];
        char *argv[] = { (char *)"sh", (char *)"-c", (char *)"set -m; sleep 100 & echo $!", NULL };
        char *envp[] = { (char *)"PATH=/usr/bin:/bin", NULL };
        struct spawned out;
        struct sys *s = sys_real();

        CHECK(pipe2(ends, O_CLOEXEC) == 0);
        struct launch l = {
                .path = "/bin/sh", .argv = argv, .envp = envp, .umask = -1, .fds = { 0, ends[1], 2 }
        };
        CHECK(s->spawn(s, &l, &out));
        CHECK(!sys_real()->number_is_free(sys_real(), out.pid));
        CHECK(read(ends[0], member, sizeof member - 1) > 0);
        CHECK(waitpid(out.pid, NULL, 0) == out.pid);
        CHECK(!sys_real()->number_is_free(sys_real(), out.pid));
        CHECK(kill((pid_t)atoi(member), SIGKILL) == 0);
        time_t end = time(NULL) + 10;
        while (!sys_real()->number_is_free(sys_real(), out.pid) && time(NULL) <= end) {
                waitpid(-1, NULL, WNOHANG);
                poll(NULL, 0, 5);
        }
        CHECK(sys_real()->number_is_free(sys_real(), out.pid));
        return 0;
}

Test(procfs, a_leader_is_gone_when_its_session_is_empty)
{
        isolated(a_session_that_outlives_its_leader);
}
