#include "starting.h"

#include <grp.h>

/* ---- what can go wrong */

static int bad_programs(void)
{
        struct launch l = a_shell("true");
        char dir[64], path[128];

        CHECK(fresh_dir(dir, sizeof dir));
        snprintf(path, sizeof path, "%s/x", dir);
        l.path = path;
        bool missing = fails(&l, STEP_EXEC, ENOENT);
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        bool written = fd >= 0 && write(fd, "echo no interpreter line\n", 25) == 25;
        close(fd);
        bool forbidden = fails(&l, STEP_EXEC, EACCES);
        bool changed = chmod(path, 0755) == 0;
        bool unknown = fails(&l, STEP_EXEC, ENOEXEC);
        l.path = dir;
        bool directory = fails(&l, STEP_EXEC, EACCES);
        remove_dir(dir);
        CHECK(written && changed);
        CHECK(missing);
        CHECK(forbidden);
        CHECK(unknown);
        CHECK(directory);
        return 0;
}

Test(spawn, names_what_is_wrong_with_the_program)
{
        both_ways(bad_programs);
}

static bool not_found(struct launch *l, int error, int place)
{
        struct spawned out;

        return fails(l, STEP_FIND, error) && start(l, &out) < 0 && out.place == place;
}

static int several_places(void)
{
        char dir[64], path[128];

        CHECK(fresh_dir(dir, sizeof dir));
        snprintf(path, sizeof path, "%s/x", dir);
        char none[] = "/nowhere/sh", shell[] = "/bin/sh";
        char *late[] = { none, shell, dir, NULL };
        char *nowhere[] = { none, path, NULL };
        char *folder[] = { none, dir, shell, NULL };
        char *plain[] = { path, shell, NULL };
        struct launch l = a_shell("echo found"), found = l;
        struct spawned out;

        l.path = found.path = NULL;
        found.places = late;
        bool runs = run(&found, &out) == 0 && strcmp(said, "found\n") == 0;
        l.places = nowhere;
        bool missing = not_found(&l, ENOENT, 2);
        l.places = folder;
        bool directory = not_found(&l, EISDIR, 1);
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        close(fd);
        l.places = plain;
        bool forbidden = not_found(&l, EACCES, 0);
        remove_dir(dir);
        CHECK(runs);
        CHECK(missing);
        CHECK(directory);
        CHECK(fd >= 0 && forbidden);
        return 0;
}

Test(spawn, executes_the_first_that_is_there)
{
        both_ways(several_places);
}

static int only_looks(void)
{
        char dir[64], path[128];

        CHECK(fresh_dir(dir, sizeof dir));
        snprintf(path, sizeof path, "%s/x", dir);
        char none[] = "/nowhere/sh", shell[] = "/bin/sh";
        char *late[] = { none, shell, NULL };
        char *nowhere[] = { none, path, NULL };
        char *folder[] = { dir, shell, NULL };
        struct launch l = a_shell("echo executed"), found = l;
        struct spawned out;

        l.path = found.path = NULL;
        l.only_finds = found.only_finds = true;
        l.directory = found.directory = path; /* which is not there: nothing is done behind it */
        found.places = late;
        bool quiet = run(&found, &out) == 0 && strcmp(said, "") == 0;
        l.places = nowhere;
        bool missing = not_found(&l, ENOENT, 2);
        l.places = folder;
        bool directory = not_found(&l, EISDIR, 0);
        remove_dir(dir);
        CHECK(quiet);
        CHECK(missing);
        CHECK(directory);
        return 0;
}

Test(spawn, looks_for_a_program_without_executing_it)
{
        both_ways(only_looks);
}

static int missing_directory(void)
{
        struct launch l = a_shell("true");

        l.directory = "/nowhere/at/all";
        CHECK(fails(&l, STEP_DIRECTORY, ENOENT));
        return 0;
}

Test(spawn, fails_at_a_missing_directory)
{
        both_ways(missing_directory);
}

static int bad_limits(void)
{
        struct launch l = a_shell("true");

        l.limit_nofile = true;
        l.nofile = (struct rlimit){ 200, 100 };
        CHECK(fails(&l, STEP_LIMITS, EINVAL));
        return 0;
}

Test(spawn, fails_at_limits_that_cannot_be)
{
        both_ways(bad_limits);
}

static int bad_descriptor(void)
{
        struct launch l = a_shell("echo fine");
        struct spawned out;

        l.fds[0] = l.fds[1] = l.fds[2] = 900;
        CHECK(!spawner_start(&spawner, &l, &out));
        CHECK(out.step == STEP_DUP && out.error == EBADF && out.pid == -1);
        CHECK(run(&l, &out) == 0);
        return 0;
}

Test(spawn, fails_on_a_closed_descriptor_and_starts_the_next)
{
        both_ways(bad_descriptor);
}

static int not_permitted(void)
{
        struct launch l = a_shell("true");
        gid_t group = 0;

        if (geteuid() == 0)
                CHECK(setgroups(0, NULL) == 0 && setresgid(54321, 54321, 54321) == 0 &&
                      setresuid(54321, 54321, 54321) == 0);
        l.change_user = true;
        l.groups = &group;
        l.group_count = 1;
        CHECK(fails(&l, STEP_GROUPS, EPERM));
        return 0;
}

Test(spawn, cannot_become_another_user_without_being_root)
{
        both_ways(not_permitted);
}

static int too_many_processes(void)
{
        struct rlimit one = { 1, 1 };
        struct launch l = a_shell("true");

        if (geteuid() != 0)
                return SKIPPED;
        CHECK(setresgid(54323, 54323, 54323) == 0 && setresuid(54323, 54323, 54323) == 0);
        CHECK(setrlimit(RLIMIT_NPROC, &one) == 0);
        CHECK(fails(&l, STEP_CLONE, EAGAIN));
        return 0;
}

Test(spawn, reports_the_process_limit)
{
        both_ways(too_many_processes);
}

static int no_descriptors(void)
{
        struct rlimit few = { 8, 0 }, before;
        struct launch l = a_shell("echo fine");
        struct spawned out;

        CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
        litter(1); /* 3 */
        few.rlim_max = before.rlim_max;
        CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
        l.fds[0] = l.fds[1] = l.fds[2] = 2;
        CHECK(!spawner_start(&spawner, &l, &out));
        CHECK(out.step == STEP_FILES && (out.error == EMFILE || out.error == EINVAL));
        CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
        CHECK(run(&l, &out) == 0);
        return 0;
}

Test(spawn, reports_too_few_descriptors_and_recovers)
{
        both_ways(no_descriptors);
}

/* Each step that nothing natural makes fail, with the kernel's help. */
static const struct {
        int call, error;
        enum spawn_step step;
} refusals[] = {
        { SYS_clone, EAGAIN, STEP_CLONE },      { SYS_setsid, EPERM, STEP_SESSION },
        { SYS_setgroups, ENOMEM, STEP_GROUPS }, { SYS_setresgid, EINVAL, STEP_GID },
        { SYS_setresuid, EAGAIN, STEP_UID },    { SYS_prlimit64, EPERM, STEP_LIMITS },
        { SYS_chdir, ENOTDIR, STEP_DIRECTORY }, { SYS_rt_sigaction, EINVAL, STEP_SIGNALS },
        { SYS_execve, ENOMEM, STEP_EXEC },
#ifdef SYS_dup2
        { SYS_dup2, EMFILE, STEP_DUP },
#endif
};
static size_t refusal;

static int refused_step(void)
{
        struct launch l = a_shell("true");
        gid_t group = 54322;

        l.change_user = geteuid() == 0;
        l.uid = 54321;
        l.gid = 54322;
        l.groups = &group;
        l.group_count = 1;
        l.directory = "/";
        l.limit_nofile = getrlimit(RLIMIT_NOFILE, &l.nofile) == 0;
        if (!l.change_user && refusals[refusal].step >= STEP_GROUPS &&
            refusals[refusal].step <= STEP_UID)
                return 0;
        if (!forbid_one(refusals[refusal].call, refusals[refusal].error))
                return SKIPPED;
        CHECK(fails(&l, refusals[refusal].step, refusals[refusal].error));
        return 0;
}

Test(spawn, names_every_step_that_can_fail)
{
        for (refusal = 0; refusal < sizeof refusals / sizeof *refusals; refusal++)
                both_ways(refused_step);
}

Test(spawn, has_a_word_for_every_step)
{
        for (enum spawn_step s = STEP_NONE; s < STEP_COUNT; s++)
                cr_assert_not_null(spawn_step_word(s));
        cr_assert_str_eq(spawn_step_word(STEP_EXEC), "execute");
}

/* ---- call filters that refuse close_range */

static int refusal_errno;

static int without_close_range(void)
{
        struct launch l = a_shell(list_fds);
        struct spawned out;

        litter(300);
        if (!forbid_one(SYS_close_range, refusal_errno))
                return SKIPPED;
        CHECK(run(&l, &out) == 0);
        CHECK(spawner.no_share);
        CHECK(strcmp(said, "0 1 2 ") == 0);
        CHECK(fcntl(200, F_GETFD) == 0); /* ours are still there */
        l.directory = "/nowhere";
        CHECK(fails(&l, STEP_DIRECTORY, ENOENT));
        return 0;
}

Test(spawn, copies_the_table_where_a_filter_does_not_know_close_range)
{
        refusal_errno = ENOSYS;
        both_ways(without_close_range);
}

Test(spawn, copies_the_table_where_a_filter_forbids_close_range)
{
        refusal_errno = EPERM;
        both_ways(without_close_range);
}

static int copied_table(void)
{
        struct launch l = a_shell(list_fds);
        struct spawned out;

        litter(40);
        spawner.no_share = true;
        CHECK(run(&l, &out) == 0);
        CHECK(strcmp(said, "0 1 2 ") == 0);
        return 0;
}

Test(spawn, closes_a_copied_table_with_close_range)
{
        both_ways(copied_table);
}

static int many_starts(void)
{
        struct launch l = a_shell("exit 0");

        CHECK(spawner_ready(&spawner));
        for (int i = 0; i < 300; i++) {
                struct spawned out;
                l.directory = i % 3 ? NULL : "/nowhere";
                int code = run(&l, &out);
                CHECK(code == (i % 3 ? 0 : -1));
        }
        int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
        CHECK(next == 8); /* nothing leaked */
        close(next);
        return 0;
}

Test(spawn, leaks_nothing_over_many_starts_good_and_bad)
{
        both_ways(many_starts);
}

/* ---- the operations beside it */

static int kills_no_other_process_by_accident(void)
{
        struct sys *s = sys_real();

        CHECK(s->kill(s, 0, 0) == -1 && errno == EINVAL);
        CHECK(s->kill(s, -1, 0) == -1 && errno == EINVAL);
        CHECK(s->kill(s, getpid(), 0) == 0);
        return 0;
}

Test(sys, never_signals_everybody)
{
        isolated(kills_no_other_process_by_accident);
}

static int reaps_its_own(void)
{
        struct sys *s = sys_real();
        struct launch l = a_shell("exit 9");
        struct spawned out;
        int status = 0;
        pid_t pid;

        CHECK(s->reap(s, &status) == -1 && errno == ECHILD);
        l.fds[0] = l.fds[1] = l.fds[2] = 2;
        CHECK(s->spawn(s, &l, &out));
        while ((pid = s->reap(s, &status)) == 0)
                poll(NULL, 0, 1);
        CHECK(pid == out.pid && WIFEXITED(status) && WEXITSTATUS(status) == 9);
        return 0;
}

Test(sys, reaps_what_it_started)
{
        isolated(reaps_its_own);
}

static int opens_close_on_exec(void)
{
        struct sys *s = sys_real();
        int fds[2];

        int fd = s->open(s, "/dev/null", O_RDONLY, 0);
        CHECK(fd == 8 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
        CHECK(s->pipe(s, fds) == 0 && fcntl(fds[0], F_GETFD) == FD_CLOEXEC &&
              fcntl(fds[1], F_GETFD) == FD_CLOEXEC);
        return 0;
}

Test(sys, opens_everything_close_on_exec_and_above_the_held_numbers)
{
        isolated(opens_close_on_exec);
}

/* ---- nothing is waited for */

/* As when the daemon is killed just then: the worker runs all the same, its signals as they are. */
static int reader_is_gone(void)
{
        struct launch l = a_shell("grep -q ^SigIgn:.*0000000000000000 /proc/self/status && exit 3");
        struct spawned out;
        int status;

        l.fds[0] = l.fds[1] = l.fds[2] = 2;
        l.directory = "/";
        for (int i = 0; i < 50; i++) {
                CHECK(spawner_start(&spawner, &l, &out));
                fd_close(&out.report);
                CHECK(waitpid(out.pid, &status, 0) == out.pid);
                CHECK(WIFEXITED(status) &&
                      (WEXITSTATUS(status) == 3 || WEXITSTATUS(status) == 127));
        }
        return 0;
}

Test(spawn, goes_on_where_the_reader_is_gone)
{
        both_ways(reader_is_gone);
}

static int others_go_on(void)
{
        struct launch l = a_shell("exit 3");
        struct spawned stopped, next;
        int status;

        l.fds[0] = l.fds[1] = l.fds[2] = 2;
        CHECK(spawner_start(&spawner, &l, &stopped));
        CHECK(kill(stopped.pid, SIGSTOP) == 0);
        for (int i = 0; i < 20; i++) {
                CHECK(start_through(&l, &next));
                CHECK(waitpid(next.pid, &status, 0) == next.pid && WEXITSTATUS(status) == 3);
        }
        CHECK(kill(stopped.pid, SIGKILL) == 0);
        CHECK(waitpid(stopped.pid, NULL, 0) == stopped.pid);
        fd_close(&stopped.report);
        CHECK(start_through(&l, &next));
        return 0;
}

/* It may be before or after it has a table of its own. */
Test(spawn, goes_on_while_a_child_is_stopped_wherever_it_is)
{
        for (int i = 0; i < 20; i++)
                both_ways(others_go_on);
}

/* Of a pipe that a worker that waits writes to: nothing is there while others come and go. */
static int waits_for_a_word(void)
{
        char *argv[] = { "/bin/sh", "-c", "echo gone", NULL };
        struct launch l = a_shell("exit 3"), other = l;
        struct spawned waiting, next;
        char text[8] = "";
        int ends[2];

        other.fds[0] = other.fds[1] = other.fds[2] = 2;
        for (int i = 0; i < 2; i++) {
                CHECK(pipe2(ends, O_CLOEXEC) == 0);
                l.fds[0] = l.fds[2] = 2;
                l.fds[1] = ends[1];
                l.argv = argv;
                l.waits = true;
                CHECK(spawner_start(&spawner, &l, &waiting));
                close(ends[1]);
                for (int k = 0; k < 20; k++)
                        CHECK(start_through(&other, &next) &&
                              waitpid(next.pid, NULL, 0) == next.pid);
                struct pollfd out = { .fd = ends[0], .events = POLLIN };
                CHECK(poll(&out, 1, 0) == 0);
                CHECK(spawner_look(&waiting) == SPAWN_UNDER_WAY);
                if (i == 0)
                        spawner_go(&waiting);
                else
                        fd_close(&waiting.report); /* as when the daemon has ended */
                CHECK(read(ends[0], text, sizeof text) == 5 && memcmp(text, "gone\n", 5) == 0);
                CHECK(waitpid(waiting.pid, NULL, 0) == waiting.pid);
                CHECK(i > 0 || spawner_look(&waiting) == SPAWN_EXECUTED);
                fd_close(&waiting.report);
                close(ends[0]);
        }
        return 0;
}

Test(spawn, waits_for_a_word_or_the_daemons_end_where_it_is_asked_to)
{
        both_ways(waits_for_a_word);
}

static int killed_while_it_waits(void)
{
        struct launch l = a_shell("exit 3");
        struct spawned out;
        int status;

        l.fds[0] = l.fds[1] = l.fds[2] = 2;
        l.waits = true;
        CHECK(spawner_start(&spawner, &l, &out));
        CHECK(kill(out.pid, SIGKILL) == 0);
        CHECK(waitpid(out.pid, &status, 0) == out.pid && WIFSIGNALED(status));
        fd_close(&out.report);
        l.waits = false;
        CHECK(start_through(&l, &out));
        return 0;
}

Test(spawn, can_be_killed_while_it_waits_for_a_word)
{
        both_ways(killed_while_it_waits);
}

/* Killed before its first word, it does not keep the numbers. */
static int killed_at_once(void)
{
        struct launch l = a_shell("exit 3");
        struct spawned out;

        l.fds[0] = l.fds[1] = l.fds[2] = 2;
        CHECK(spawner_start(&spawner, &l, &out));
        CHECK(kill(out.pid, SIGKILL) == 0);
        struct spawned next;
        CHECK(spawner_start(&spawner, &l, &next));
        CHECK(waitpid(out.pid, NULL, 0) == out.pid);
        fd_close(&out.report);
        CHECK(waitpid(next.pid, NULL, 0) == next.pid);
        fd_close(&next.report);
        CHECK(start_through(&l, &next));
        return 0;
}

Test(spawn, has_its_numbers_back_from_a_child_that_is_killed_at_once)
{
        for (int i = 0; i < 20; i++)
                both_ways(killed_at_once);
}

/* The first word is heard, then only the end of the pipe: not what is said on the way there. */
static bool has_hung_up(struct spawned *out)
{
        struct pollfd first = { .fd = out->report, .events = POLLIN };
        struct pollfd end = { .fd = out->report, .events = POLLOUT };

        return poll(&first, 1, 10000) == 1 && (spawner_look(out), true) &&
               poll(&end, 1, 10000) == 1 && (end.revents & POLLOUT) == 0;
}

static int asked_twice(void)
{
        struct launch l = a_shell("exit 3");
        struct spawned out;

        l.path = "/no/such/program";
        l.fds[0] = l.fds[1] = l.fds[2] = 2;
        CHECK(spawner_start(&spawner, &l, &out));
        CHECK(has_hung_up(&out));
        for (int i = 0; i < 2; i++)
                CHECK(spawner_look(&out) == SPAWN_FAILED && out.error == ENOENT);
        fd_close(&out.report);
        CHECK(waitpid(out.pid, NULL, 0) == out.pid);
        return 0;
}

Test(spawn, a_failure_is_one_however_often_it_is_asked_about)
{
        both_ways(asked_twice);
}

static int heard_at_the_end(void)
{
        struct launch l = a_shell("exit 3");
        struct spawned out;
        char place[] = "/tmp/sv-spawn-XXXXXX";

        CHECK(mkdtemp(place) != NULL);
        l.directory = place;
        l.fds[0] = l.fds[1] = l.fds[2] = 2;
        CHECK(spawner_start(&spawner, &l, &out));
        CHECK(has_hung_up(&out));
        CHECK(spawner_look(&out) == SPAWN_EXECUTED);
        CHECK(out.step == STEP_EXEC);
        fd_close(&out.report);
        CHECK(waitpid(out.pid, NULL, 0) == out.pid && rmdir(place) == 0);
        return 0;
}

Test(spawn, all_that_was_said_is_there_at_the_end_of_the_pipe)
{
        both_ways(heard_at_the_end);
}
