#include "starting.h"

#include <signal.h>
#include <sys/time.h>

/* ---- what a worker gets */

static int words_and_code(void)
{
        CHECK(say("echo $COLOUR; echo oops >&2; exit 7") == 7);
        CHECK(strcmp(said, "green\noops\n") == 0);
        return 0;
}

Test(spawn, runs_a_program_with_its_arguments_and_environment)
{
        both_ways(words_and_code);
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
        both_ways(only_three);
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
        both_ways(only_three_of_many);
}

static int nothing_is_held(void)
{
        struct stat before, after;

        CHECK(spawner_ready(&spawner));
        CHECK(fstat(3, &before) == 0);
        for (int i = 0; i < 3; i++)
                CHECK(say("echo x") == 0); /* would wait for ever for the end of file */
        CHECK(fstat(3, &after) == 0 && before.st_ino == after.st_ino);
        for (int fd = 3; fd <= 7; fd++)
                CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC);
        int next = open("/dev/null", O_RDONLY);
        CHECK(next == 8);
        return 0;
}

Test(spawn, holds_3_to_7_before_and_after_and_none_of_the_workers_ends)
{
        both_ways(nothing_is_held);
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
        CHECK(start_through(&l, &out));
        CHECK(waitpid(out.pid, NULL, 0) == out.pid);
        CHECK(read(ends[0], text, sizeof text - 1) == 8);
        CHECK(strcmp(text, "out\nerr\n") == 0);
        return 0;
}

Test(spawn, takes_any_descriptors_in_any_order)
{
        both_ways(swapped);
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
        both_ways(clean_signals);
}

/* Names are looked up by a program of ours before the daemon ignores anything. */
static int ignored_later(void)
{
        struct launch l = a_shell("exec cat /proc/self/status"), ours = l;
        struct spawned out;

        ours.own_program = true;
        CHECK(run(&ours, &out) == 0);
        signal(SIGXFSZ, SIG_IGN);
        signal(SIGIO, SIG_IGN);
        CHECK(run(&l, &out) == 0);
        CHECK(strstr(said, "SigIgn:\t0000000000000000"));
        return 0;
}

Test(spawn, resets_what_is_ignored_after_a_start_of_our_own_program)
{
        both_ways(ignored_later);
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
        both_ways(own_mask);
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
        both_ways(no_handler_in_the_child);
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
        both_ways(own_session);
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
        both_ways(umasks);
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
        both_ways(directories);
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
        both_ways(nofile);
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
        both_ways(other_user);
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
        both_ways(directory_as_user);
}
