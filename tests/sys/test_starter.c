/* The starter itself: when starts go through it, and what happens where they cannot. */
#include "starting.h"

#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>

#include "sys/process/procfs.h"

static int refused_call, refused_error;

/* What goes through the starter has begun as soon as there is a pid. */
static bool goes_through(void)
{
        struct launch l = a_shell("true");
        struct spawned out;
        int status;

        l.fds[0] = l.fds[1] = l.fds[2] = 2;
        if (!spawner_start(&spawner, &l, &out))
                return false;
        bool has_begun = out.step == STEP_FIND;
        fd_close(&out.report);
        return waitpid(out.pid, &status, 0) == out.pid && status == 0 && has_begun;
}

static int begun_at_once(void)
{
        CHECK(goes_through() && spawner.why_copied[0] == '\0');
        return 0;
}

Test(starter, takes_the_start_over_where_it_can)
{
        isolated(begun_at_once);
}

static int not_through(void)
{
        if (!forbid_one(refused_call, refused_error))
                return SKIPPED;
        CHECK(!goes_through());
        CHECK(say("echo $COLOUR; exit 3") == 3 && strcmp(said, "green\n") == 0);
        CHECK(strstr(spawner.why_copied, strerror(refused_error)));
        CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD); /* no child of an attempt */
        return 0;
}

Test(starter, gives_way_to_a_copy_where_it_is_refused)
{
        static const int calls[] = { SYS_execveat, SYS_memfd_create };
        static const int errors[] = { EPERM, EACCES, ENOSYS };

        for (size_t i = 0; i < 2; i++)
                for (size_t k = 0; k < 3; k++) {
                        refused_call = calls[i];
                        refused_error = errors[k];
                        isolated(not_through);
                }
}

static int short_of_it(void)
{
        if (!forbid_one(SYS_execveat, ENOMEM))
                return SKIPPED;
        CHECK(!goes_through());
        CHECK(say("echo fine") == 0 && strcmp(said, "fine\n") == 0);
        CHECK(spawner.why_copied[0] == '\0'); /* the next one tries again */
        return 0;
}

Test(starter, is_tried_again_after_a_shortage)
{
        isolated(short_of_it);
}

/* The words of a worker that just fit, and do not together with the starter's own. */
static int as_many_words_as_fit(void)
{
        struct rlimit small = { 1 << 20, 1 << 20 }; /* a quarter of it for words */
        enum { MOST = 40000 };
        static char *argv[MOST + 1];
        struct launch l = a_shell(""), shell = l;
        struct spawned out;
        size_t fits = 3, too_many = MOST;

        CHECK(setrlimit(RLIMIT_STACK, &small) == 0);
        argv[0] = shell_argv[0], argv[1] = shell_argv[1], argv[2] = unconst("exit 3");
        for (size_t i = 3; i < MOST; i++)
                argv[i] = unconst("x");
        l.argv = argv;
        snprintf(spawner.why_copied, sizeof spawner.why_copied, "to find out");
        while (too_many - fits > 1) {
                size_t half = (fits + too_many) / 2;
                char *cut = argv[half];
                argv[half] = NULL;
                bool fine = run(&l, &out) == 3;
                CHECK(fine || (out.step == STEP_EXEC && out.error == E2BIG));
                *(fine ? &fits : &too_many) = half;
                argv[half] = cut;
        }
        spawner.why_copied[0] = '\0';
        CHECK(fits > 1000);
        argv[too_many] = NULL;
        CHECK(fails(&l, STEP_EXEC, E2BIG));
        argv[fits] = NULL;
        CHECK(run(&l, &out) == 3);
        CHECK(goes_through() && run(&shell, &out) == 0);
        return 0;
}

Test(starter, leaves_a_worker_all_the_words_that_the_kernel_lets_it_have)
{
        isolated(as_many_words_as_fit);
}

static int many_groups(void)
{
        struct launch l = a_shell("test $(grep ^Groups /proc/self/status | wc -w) -eq 20001");
        static gid_t groups[65536];
        struct spawned out;

        if (geteuid() != 0)
                return SKIPPED;
        for (int i = 0; i < 65536; i++)
                groups[i] = 100000u + (unsigned)i;
        l.change_user = true;
        l.uid = l.gid = 54321;
        l.groups = groups;
        l.group_count = 20000; /* longer as text than one word may be */
        CHECK(run(&l, &out) == 0);
        l.group_count = 9; /* with bytes of every value */
        groups[0] = 0, groups[1] = 0x00ff00ff, groups[2] = 0x7f000001;
        char *argv[] = { shell_argv[0], shell_argv[1], unconst("grep ^Groups /proc/self/status"),
                         NULL };
        l.argv = argv;
        CHECK(run(&l, &out) == 0);
        CHECK(strstr(said, "Groups:\t0 100003 100004 100005 100006 100007 100008 16711935 "
                           "2130706433 \n"));
        CHECK(spawner.why_copied[0] == '\0');
        return 0;
}

Test(starter, passes_groups_on_however_many)
{
        isolated(many_groups);
}

/* ---- rights that exec takes away */

/* No root, but may become another user. */
static bool become_keeping_rights(bool ambient)
{
        const unsigned rights = 1u << CAP_SETUID | 1u << CAP_SETGID;
        struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct caps[2] = { 0 };

        if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setgroups(0, NULL) < 0 ||
            setresgid(54321, 54321, 54321) < 0 || setresuid(54321, 54321, 54321) < 0)
                return false;
        caps[0].permitted = caps[0].effective = caps[0].inheritable = rights;
        if (syscall(SYS_capset, &head, caps) < 0)
                return false;
        return !ambient || (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SETUID, 0, 0) == 0 &&
                            prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SETGID, 0, 0) == 0);
}

static bool becomes_another(void)
{
        struct launch l = a_shell("exec grep ^Uid /proc/self/status");
        gid_t group = 54323;
        struct spawned out;

        l.change_user = true;
        l.uid = l.gid = 54322;
        l.groups = &group;
        l.group_count = 1;
        return run(&l, &out) == 0 && strcmp(said, "Uid:\t54322\t54322\t54322\t54322\n") == 0;
}

static int rights_that_go(void)
{
        if (geteuid() != 0)
                return SKIPPED;
        CHECK(become_keeping_rights(false));
        CHECK(becomes_another() && strstr(spawner.why_copied, "capabilities"));
        return 0;
}

Test(starter, gives_way_to_a_copy_where_rights_would_go)
{
        isolated(rights_that_go);
}

static int rights_that_stay(void)
{
        if (geteuid() != 0)
                return SKIPPED;
        CHECK(become_keeping_rights(true));
        CHECK(becomes_another() && goes_through() && spawner.why_copied[0] == '\0');
        return 0;
}

Test(starter, passes_rights_on_that_go_to_any_program)
{
        isolated(rights_that_stay);
}

static int of_no_rights(void)
{
        if (geteuid() == 0)
                CHECK(setgroups(0, NULL) == 0 && setresgid(54321, 54321, 54321) == 0 &&
                      setresuid(54321, 54321, 54321) == 0);
        CHECK(goes_through());
        CHECK(say("echo fine") == 0 && strcmp(said, "fine\n") == 0);
        return 0;
}

Test(starter, serves_an_ordinary_user)
{
        isolated(of_no_rights);
}

/* ---- as the next daemon sees it */

static int seen_from_outside(void)
{
        struct launch l = a_shell("read word; exit 3");
        struct proc_entry entry = { .pid = 0 };
        struct spawned out;
        int ends[2], status;

        CHECK(pipe2(ends, O_CLOEXEC) == 0);
        l.fds[0] = ends[0];
        l.fds[1] = l.fds[2] = 2;
        l.waits = true;
        CHECK(spawner_start(&spawner, &l, &out));
        close(ends[0]);
        while (proc_entry_read(out.pid, &entry) && !entry.before_exec)
                poll(NULL, 0, 1);
        CHECK(entry.before_exec);
        spawner_go(&out);
        while (proc_entry_read(out.pid, &entry) && entry.before_exec)
                poll(NULL, 0, 1);
        CHECK(!entry.before_exec && strcmp(entry.name, "sh") == 0);
        close(ends[1]);
        CHECK(waitpid(out.pid, &status, 0) == out.pid && WEXITSTATUS(status) == 3);
        fd_close(&out.report);
        return 0;
}

Test(starter, is_told_from_the_worker_by_a_process_that_did_not_start_it)
{
        both_ways(seen_from_outside);
}
