#include "isolated.h"

#include <grp.h>
#include <signal.h>
#include <sys/time.h>

#include "sys/spawn.h"

static struct spawner spawner; /* each test is a process of its own */
static char said[65536];       /* what the last worker wrote to stdout and stderr */

static char *shell_argv[] = { (char *)"sh", (char *)"-c", NULL, NULL };
static char *some_env[] = { (char *)"PATH=/usr/bin:/bin", (char *)"COLOUR=green", NULL };

static struct launch a_shell(const char *script)
{
        static sigset_t empty;

        sigemptyset(&empty);
        shell_argv[2] = (char *)script;
        return (struct launch){ .path = "/bin/sh",
                                .argv = shell_argv,
                                .envp = some_env,
                                .umask = -1,
                                .fds = { -1, -1, -1 },
                                .mask = &empty };
}

/* Start it on /dev/null and one pipe. The pipe's reading end, -1: not started. */
static int start(struct launch *l, struct spawned *out)
{
        int ends[2], null = open("/dev/null", O_RDONLY | O_CLOEXEC);

        if (null < 0 || pipe2(ends, O_CLOEXEC) < 0)
                return -1;
        l->fds[0] = null;
        l->fds[1] = l->fds[2] = ends[1];
        bool started = spawner_start(&spawner, l, out);
        close(null);
        close(ends[1]);
        if (started)
                return ends[0];
        close(ends[0]);
        return -1;
}

/* Start it, wait for its end: its exit code, -1 when it did not start. said has its words. */
static int run(struct launch *l, struct spawned *out)
{
        int fd = start(l, out), status = -1;
        size_t len = 0;
        ssize_t n;

        said[0] = '\0';
        if (fd < 0)
                return -1;
        while ((n = read(fd, said + len, sizeof said - 1 - len)) > 0)
                len += (size_t)n;
        said[len] = '\0';
        close(fd);
        if (waitpid(out->pid, &status, 0) != out->pid || !WIFEXITED(status))
                return -1;
        return WEXITSTATUS(status);
}

static int say(const char *script)
{
        struct launch l = a_shell(script);
        struct spawned out;

        return run(&l, &out);
}

/* It fails there, and nobody is left to be waited for. */
static bool fails(struct launch *l, enum spawn_step step, int error)
{
        struct spawned out;

        if (run(l, &out) != -1 || out.pid > 0)
                return false;
        if (out.step != step || out.error != error) {
                dprintf(2, "failed at '%s': %s\n", spawn_step_word(out.step), strerror(out.error));
                return false;
        }
        return waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD;
}

static const char list_fds[] =
    "for f in /proc/self/fd/*; do [ -e $f ] && printf '%s ' ${f##*/}; done; true";

/* Inheritable descriptors that no worker should see. */
static void litter(int count)
{
        for (int i = 0; i < count; i++)
                if (open("/dev/null", O_RDONLY) < 0)
                        return;
}

/* ---- what a worker gets */

static int words_and_code(void)
{
        CHECK(say("echo $COLOUR; echo oops >&2; exit 7") == 7);
        CHECK(strcmp(said, "green\noops\n") == 0);
        return 0;
}

Test(spawn, runs_a_program_with_its_arguments_and_environment)
{
        isolated(words_and_code);
}

static int only_three(void)
{
        litter(40);
        CHECK(spawner_ready(&spawner));
        CHECK(say(list_fds) == 0);
        CHECK(spawner.low >= 43 && !spawner.no_share);
        CHECK(strcmp(said, "0 1 2 ") == 0);
        return 0;
}

Test(spawn, shows_the_worker_no_inherited_descriptor)
{
        isolated(only_three);
}

static int only_three_of_many(void)
{
        struct rlimit many = { 4096, 20000 };
        struct stat st;

        if (setrlimit(RLIMIT_NOFILE, &many) < 0 &&
            (getrlimit(RLIMIT_NOFILE, &many) < 0 || many.rlim_cur < 3100))
                return SKIPPED;
        CHECK(spawner_ready(&spawner));
        CHECK(spawner.low == 3);
        litter(3000);
        CHECK(say(list_fds) == 0);
        CHECK(!spawner.no_share);
        CHECK(strcmp(said, "0 1 2 ") == 0);
        CHECK(fstat(3000, &st) == 0); /* ours are all still there */
        return 0;
}

Test(spawn, shows_the_worker_three_descriptors_when_the_parent_has_3000)
{
        isolated(only_three_of_many);
}

static int nothing_is_held(void)
{
        struct stat before, after;

        CHECK(spawner_ready(&spawner));
        CHECK(fstat(3, &before) == 0);
        for (int i = 0; i < 3; i++)
                CHECK(say("echo x") == 0); /* would wait for ever for the end of file */
        CHECK(fstat(3, &after) == 0 && before.st_ino == after.st_ino);
        CHECK(fcntl(3, F_GETFD) == FD_CLOEXEC && fcntl(4, F_GETFD) == FD_CLOEXEC &&
              fcntl(5, F_GETFD) == FD_CLOEXEC);
        int next = open("/dev/null", O_RDONLY);
        CHECK(next == 6);
        return 0;
}

Test(spawn, holds_3_to_5_before_and_after_and_none_of_the_workers_ends)
{
        isolated(nothing_is_held);
}

static int swapped(void)
{
        struct launch l = a_shell("echo out; echo err >&2; cat <&0 >/dev/null");
        struct spawned out;
        char text[64] = "";
        int ends[2];

        /* The parent's own 0 to 2 in another order: pipe, nothing, null. */
        CHECK(pipe(ends) == 0);
        CHECK(dup2(ends[1], 0) == 0);
        l.fds[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        l.fds[1] = 0;
        l.fds[2] = 0;
        CHECK(spawner_start(&spawner, &l, &out));
        CHECK(waitpid(out.pid, NULL, 0) == out.pid);
        CHECK(read(ends[0], text, sizeof text - 1) == 8);
        CHECK(strcmp(text, "out\nerr\n") == 0);
        return 0;
}

Test(spawn, takes_any_descriptors_in_any_order)
{
        isolated(swapped);
}

static void ignore_handler(int sig)
{
        (void)sig;
}

static int clean_signals(void)
{
        struct launch l = a_shell("exec cat /proc/self/status");
        sigset_t mask, now;
        struct spawned out;

        signal(SIGPIPE, SIG_IGN);
        signal(SIGXFSZ, SIG_IGN);
        signal(SIGHUP, SIG_IGN);
        signal(SIGRTMIN + 3, SIG_IGN);
        signal(SIGUSR1, ignore_handler);
        sigemptyset(&mask);
        sigaddset(&mask, SIGTERM);
        sigaddset(&mask, SIGCHLD);
        sigprocmask(SIG_SETMASK, &mask, NULL);
        CHECK(run(&l, &out) == 0);
        CHECK(strstr(said, "SigBlk:\t0000000000000000"));
        CHECK(strstr(said, "SigIgn:\t0000000000000000"));
        CHECK(strstr(said, "SigCgt:\t0000000000000000"));
        /* ours are as they were */
        sigprocmask(SIG_SETMASK, NULL, &now);
        CHECK(sigismember(&now, SIGTERM) && sigismember(&now, SIGCHLD) &&
              !sigismember(&now, SIGINT));
        CHECK(signal(SIGPIPE, SIG_DFL) == SIG_IGN);
        return 0;
}

Test(spawn, resets_every_signal_and_keeps_the_parents)
{
        isolated(clean_signals);
}

static int own_mask(void)
{
        struct launch l = a_shell("exec grep ^SigBlk /proc/self/status");
        struct spawned out;
        sigset_t mask;

        sigemptyset(&mask);
        sigaddset(&mask, SIGHUP);
        l.mask = &mask;
        CHECK(run(&l, &out) == 0);
        CHECK(strcmp(said, "SigBlk:\t0000000000000001\n") == 0);
        return 0;
}

Test(spawn, gives_the_mask_that_was_asked_for)
{
        isolated(own_mask);
}

static volatile sig_atomic_t alarms, foreign_alarms;
static pid_t alarm_home;

static void on_alarm(int sig)
{
        (void)sig;
        alarms++;
        if (syscall(SYS_getpid) != alarm_home)
                foreign_alarms++;
}

static int no_handler_in_the_child(void)
{
        struct itimerval often = { { 0, 100 }, { 0, 100 } };
        struct launch l = a_shell("exit 0");

        alarm_home = getpid();
        struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
        CHECK(sigaction(SIGALRM, &action, NULL) == 0);
        CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
        for (int i = 0; i < 100; i++) {
                struct spawned out;
                CHECK(run(&l, &out) == 0);
        }
        CHECK(alarms > 0);
        CHECK(foreign_alarms == 0);
        return 0;
}

Test(spawn, never_runs_a_handler_of_ours_in_the_child)
{
        isolated(no_handler_in_the_child);
}

static int own_session(void)
{
        struct launch l = a_shell("read pid c s pp group session rest </proc/self/stat; "
                                  "echo $pid $group $session");
        struct spawned out;
        int pid = 0, group = 0, session = 0;

        CHECK(run(&l, &out) == 0);
        CHECK(sscanf(said, "%d %d %d", &pid, &group, &session) == 3);
        CHECK(pid == out.pid && group == pid && session == pid);
        return 0;
}

Test(spawn, makes_the_worker_leader_of_a_session_and_a_group)
{
        isolated(own_session);
}

static int umasks(void)
{
        struct launch l = a_shell("umask");
        struct spawned out;

        umask(0027);
        CHECK(run(&l, &out) == 0 && strcmp(said, "0027\n") == 0);
        l.umask = 0177;
        CHECK(run(&l, &out) == 0 && strcmp(said, "0177\n") == 0);
        CHECK(umask(0) == 0027);
        return 0;
}

Test(spawn, sets_the_umask_or_inherits_it)
{
        isolated(umasks);
}

static int directories(void)
{
        struct launch l = a_shell("pwd");
        struct spawned out;
        char cwd[64];

        CHECK(chdir("/tmp") == 0);
        CHECK(run(&l, &out) == 0 && strcmp(said, "/tmp\n") == 0);
        l.directory = "/usr";
        CHECK(run(&l, &out) == 0 && strcmp(said, "/usr\n") == 0);
        CHECK(getcwd(cwd, sizeof cwd) && strcmp(cwd, "/tmp") == 0);
        return 0;
}

Test(spawn, changes_the_directory_of_the_child_only)
{
        isolated(directories);
}

static int nofile(void)
{
        struct launch l = a_shell("ulimit -Sn; ulimit -Hn");
        struct rlimit now;
        struct spawned out;

        l.limit_nofile = true;
        l.nofile = (struct rlimit){ 100, 200 };
        CHECK(run(&l, &out) == 0 && strcmp(said, "100\n200\n") == 0);
        CHECK(getrlimit(RLIMIT_NOFILE, &now) == 0 && now.rlim_cur != 100);
        return 0;
}

Test(spawn, gives_the_worker_its_own_descriptor_limit)
{
        isolated(nofile);
}

static int other_user(void)
{
        struct launch l = a_shell("exec grep -E '^(Uid|Gid|Groups)' /proc/self/status");
        gid_t groups[] = { 54322, 54399 };
        struct spawned out;

        if (geteuid() != 0)
                return SKIPPED;
        l.change_user = true;
        l.uid = 54321;
        l.gid = 54322;
        l.groups = groups;
        l.group_count = 2;
        CHECK(run(&l, &out) == 0);
        CHECK(strstr(said, "Uid:\t54321\t54321\t54321\t54321\n"));
        CHECK(strstr(said, "Gid:\t54322\t54322\t54322\t54322\n"));
        CHECK(strstr(said, "Groups:\t54322 54399 \n"));
        CHECK(geteuid() == 0 && getegid() == 0);
        return 0;
}

Test(spawn, becomes_another_user_with_exactly_these_groups)
{
        isolated(other_user);
}

static int directory_as_user(void)
{
        struct launch l = a_shell("pwd");
        char dir[64];
        struct spawned out;

        if (geteuid() != 0)
                return SKIPPED;
        CHECK(fresh_dir(dir, sizeof dir)); /* mode 0700, root's */
        l.change_user = true;
        l.uid = 54321;
        l.gid = 54322;
        l.directory = dir;
        bool refused = fails(&l, STEP_DIRECTORY, EACCES);
        bool ours = chown(dir, 54321, 54322) == 0 && run(&l, &out) == 0;
        remove_dir(dir);
        CHECK(refused);
        CHECK(ours);
        return 0;
}

Test(spawn, enters_the_directory_as_the_user)
{
        isolated(directory_as_user);
}

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
        isolated(bad_programs);
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
        isolated(missing_directory);
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
        isolated(bad_limits);
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
        isolated(bad_descriptor);
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
        isolated(not_permitted);
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
        isolated(too_many_processes);
}

static int no_descriptors(void)
{
        struct rlimit few = { 7, 0 }, before;
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
        isolated(no_descriptors);
}

/* Each step that nothing natural makes fail, with the kernel's help. */
static const struct {
        int call, error;
        enum spawn_step step;
} refusals[] = {
        { SYS_clone, EAGAIN, STEP_CLONE },
        { SYS_close_range, EMFILE, STEP_FILES },
        { SYS_setsid, EPERM, STEP_SESSION },
        { SYS_setgroups, ENOMEM, STEP_GROUPS },
        { SYS_setresgid, EINVAL, STEP_GID },
        { SYS_setresuid, EAGAIN, STEP_UID },
        { SYS_rt_sigaction, EINVAL, STEP_SIGNALS },
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
                isolated(refused_step);
}

Test(spawn, has_a_word_for_every_step)
{
        for (enum spawn_step s = STEP_NONE; s < STEP_COUNT; s++)
                cr_assert_not_null(spawn_step_word(s));
        cr_assert_str_eq(spawn_step_word(STEP_EXEC), "execute");
}

/* ---- kernels and sandboxes without close_range */

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

Test(spawn, copies_the_table_on_a_kernel_without_close_range)
{
        refusal_errno = ENOSYS;
        isolated(without_close_range);
}

Test(spawn, copies_the_table_where_a_filter_forbids_close_range)
{
        refusal_errno = EPERM;
        isolated(without_close_range);
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
        isolated(copied_table);
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
        CHECK(next == 6); /* nothing leaked */
        close(next);
        spawner_release(&spawner);
        CHECK(fcntl(3, F_GETFD) == -1 && fcntl(4, F_GETFD) == -1 && fcntl(5, F_GETFD) == -1);
        return 0;
}

Test(spawn, leaks_nothing_over_many_starts_good_and_bad)
{
        isolated(many_starts);
}

/* ---- the operations beside it */

static int kills_nobody_by_accident(void)
{
        struct sys *s = sys_real();

        CHECK(s->kill(s, 0, 0) == -1 && errno == EINVAL);
        CHECK(s->kill(s, -1, 0) == -1 && errno == EINVAL);
        CHECK(s->kill(s, getpid(), 0) == 0);
        return 0;
}

Test(sys, never_signals_everybody)
{
        isolated(kills_nobody_by_accident);
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
        CHECK(fd == 6 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
        CHECK(s->pipe(s, fds) == 0 && fcntl(fds[0], F_GETFD) == FD_CLOEXEC &&
              fcntl(fds[1], F_GETFD) == FD_CLOEXEC);
        return 0;
}

Test(sys, opens_everything_close_on_exec_and_above_the_held_numbers)
{
        isolated(opens_close_on_exec);
}
