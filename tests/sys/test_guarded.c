#include "isolated.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "sys/store/guarded.h"

#define STRANGER 12345 /* the worker's user, which this machine does not have */
#define OTHER    12346

static char dir[64];

static void setup(void)
{
        cr_assert_not_null(fresh_dir(dir, sizeof dir));
        cr_assert_eq(chmod(dir, 0755), 0);
}

static void teardown(void)
{
        remove_dir(dir);
}

TestSuite(guarded, .init = setup, .fini = teardown);

static struct err why;
static struct stat seen;

static const char *in(const char *name)
{
        static char paths[8][256];
        static unsigned next;
        char *path = paths[next++ % 8];

        snprintf(path, sizeof paths[0], "%s/%s", dir, name);
        return path;
}

static void put(const char *name, uid_t uid)
{
        int fd = open(in(name), O_WRONLY | O_CREAT | O_EXCL, 0644);

        cr_assert_geq(fd, 0);
        cr_assert_eq(write(fd, "x", 1), 1);
        cr_assert(uid == 0 || fchown(fd, uid, (gid_t)-1) == 0);
        close(fd);
}

static void make_dir(const char *name, uid_t uid)
{
        cr_assert_eq(mkdir(in(name), 0755), 0);
        cr_assert(uid == 0 || chown(in(name), uid, (gid_t)-1) == 0);
}

static void make_link(const char *to, const char *name, uid_t uid)
{
        cr_assert_eq(symlink(to, in(name)), 0);
        cr_assert(uid == 0 || lchown(in(name), uid, (gid_t)-1) == 0);
}

/* 0: opened and closed again. Else the errno. */
static int opens(const char *path, int flags)
{
        why = (struct err){ 0 };
        int fd = guarded_open(path, STRANGER, flags, 0644, &seen, &why);

        if (fd < 0)
                return errno;
        cr_assert_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
        close(fd);
        return 0;
}

#define APPEND (O_WRONLY | O_APPEND | O_CREAT)

static const int both[] = { APPEND, O_RDONLY };

static void is_refused(const char *path, int error)
{
        for (size_t i = 0; i < 2; i++) {
                cr_assert_eq(opens(path, both[i]), error, "%s: %s", path, why.text);
                cr_assert_eq(why.code, ERR_FOREIGN, "%s", why.text);
                cr_assert_eq(why.sys, error);
                cr_assert_not_null(strstr(why.text, path), "%s", why.text);
        }
}

static void is_opened(const char *path)
{
        for (size_t i = 0; i < 2; i++)
                cr_assert_eq(opens(path, both[i]), 0, "%s: %s", path, why.text);
}

static bool can_chown(void)
{
        if (geteuid() == 0)
                return true;
        cr_log_info("only root can give files away");
        return false;
}

Test(guarded, makes_a_file_and_opens_it_again)
{
        cr_assert_eq(opens(in("log"), O_RDONLY), ENOENT);
        cr_assert_eq(why.code, ERR_SYS);
        is_opened(in("log"));
        cr_assert(S_ISREG(seen.st_mode));
        cr_assert_eq(opens(in("log"), O_WRONLY | O_CREAT | O_EXCL), EEXIST);
        cr_assert_eq(opens(in("none/log"), APPEND), ENOENT);
        cr_assert_eq(opens(in("log/x"), APPEND), ENOTDIR);
        cr_assert_eq(opens(dir, APPEND), EISDIR);
        cr_assert_eq(opens("", APPEND), ENOENT);
}

Test(guarded, takes_paths_from_where_we_are)
{
        cr_assert_eq(chdir(dir), 0);
        make_dir("sub", 0);
        is_opened("log");
        is_opened("./sub/../sub//log");
        cr_assert_eq(access("sub/log", F_OK), 0);
        cr_assert_eq(chdir("/"), 0);
}

Test(guarded, follows_our_own_links_in_our_own_directories)
{
        make_dir("real", 0);
        make_link("real/log", "log", 0);
        make_link("real", "dir", 0);
        make_link(in("real/absolute"), "far", 0);
        make_link("far", "farther", 0);
        is_opened(in("log"));
        cr_assert_eq(access(in("real/log"), F_OK), 0);
        is_opened(in("dir/log"));
        is_opened(in("farther"));
        cr_assert_eq(access(in("real/absolute"), F_OK), 0);
        make_link("b", "a", 0);
        make_link("a", "b", 0);
        cr_assert_eq(opens(in("a"), APPEND), ELOOP);
}

Test(guarded, opens_descriptors_by_their_link_in_proc)
{
        char link[64];

        put("log", 0);
        int fd = open(in("log"), O_RDWR);
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        make_link(link, "indirect", 0);
        is_opened(link);
        is_opened(in("indirect"));
        close(fd);
        is_opened("/dev/null");
}

Test(guarded, refuses_every_link_that_another_user_made)
{
        if (!can_chown())
                return;
        make_dir("d", STRANGER);
        put("secret", 0);
        put("d/his", STRANGER);
        make_link("../secret", "d/log", STRANGER);
        make_link("his", "d/own", STRANGER);
        make_link("nothing", "d/dangling", STRANGER);
        make_link("/", "d/sub", STRANGER);
        make_link("..", "d/up", STRANGER);
        is_refused(in("d/log"), ELOOP);
        is_refused(in("d/own"), ELOOP);
        is_refused(in("d/dangling"), ELOOP);
        cr_assert_neq(access(in("d/nothing"), F_OK), 0);
        is_refused(in("d/sub/etc/passwd"), ELOOP);
        is_refused(in("d/up/secret"), ELOOP);
        cr_assert_neq(guarded_rename(in("d/up/secret"), in("d/up/secret.1")), 0);
        cr_assert_neq(guarded_unlink(in("d/up/secret")), 0);
        cr_assert_null(guarded_opendir(in("d/up"), NULL));
        cr_assert_eq(access(in("secret"), F_OK), 0);
}

Test(guarded, refuses_our_own_link_in_the_directory_of_another)
{
        if (!can_chown())
                return;
        make_dir("d", STRANGER);
        put("target", 0);
        make_link("../target", "d/log", 0);
        is_refused(in("d/log"), ELOOP);
}

/* A link of ours leads to the stranger's directory; links of the stranger are not followed there
 * either. */
Test(guarded, looks_at_every_component_behind_a_link)
{
        if (!can_chown())
                return;
        make_dir("d", STRANGER);
        put("secret", 0);
        make_link("d", "ours", 0);
        make_link("../secret", "d/log", STRANGER);
        make_link("d/log", "through", 0);
        is_refused(in("ours/log"), ELOOP);
        is_refused(in("through"), ELOOP);
        is_opened(in("ours/fresh"));
}

Test(guarded, takes_files_of_ours_and_of_the_owner_only)
{
        if (!can_chown())
                return;
        make_dir("d", STRANGER);
        put("d/ours", 0);
        put("d/his", STRANGER);
        put("d/others", OTHER);
        is_opened(in("d/ours"));
        is_opened(in("d/his"));
        is_refused(in("d/others"), EPERM);
        make_dir("e", OTHER);
        put("e/his", STRANGER);
        put("e/own", OTHER);
        is_opened(in("e/own"));
        is_opened(in("e/his"));
        cr_assert_eq(guarded_open(in("e/his"), 0, O_RDONLY, 0, NULL, &why), -1);
        cr_assert_eq(why.sys, EPERM);
}

Test(guarded, refuses_files_with_several_names)
{
        put("secret", 0);
        cr_assert_eq(link(in("secret"), in("log")), 0);
        is_refused(in("log"), EMLINK);
}

Test(guarded, takes_nodes_that_an_administrator_has_put_there)
{
        cr_assert_eq(mkfifo(in("fifo"), 0600), 0);
        cr_assert_eq(opens(in("fifo"), APPEND), 0, "%s", why.text); /* without a reader */
        cr_assert(S_ISFIFO(seen.st_mode));
        cr_assert_eq(opens(in("fifo"), O_RDONLY), ESPIPE);
        cr_assert_eq(opens("/dev/null", APPEND), 0, "%s", why.text);
        cr_assert_eq(opens("/dev/zero", O_RDONLY), 0, "%s", why.text);
        make_link("fifo", "link", 0);
        cr_assert_eq(opens(in("link"), APPEND), 0, "%s", why.text);
}

Test(guarded, refuses_nodes_that_another_user_may_have_put_there)
{
        if (!can_chown())
                return;
        make_dir("d", STRANGER);
        cr_assert_eq(mkfifo(in("d/fifo"), 0666), 0);
        cr_assert_eq(opens(in("d/fifo"), APPEND), EACCES);
        cr_assert_eq(why.code, ERR_FOREIGN);
        cr_assert_eq(opens(in("d/fifo"), O_RDONLY), ESPIPE);
        cr_assert_eq(chown(in("d/fifo"), STRANGER, (gid_t)-1), 0);
        cr_assert_eq(opens(in("d/fifo"), APPEND), EACCES);

        make_dir("sticky", 0); /* as /tmp */
        cr_assert_eq(chmod(in("sticky"), 01777), 0);
        cr_assert_eq(mkfifo(in("sticky/fifo"), 0666), 0);
        cr_assert_eq(opens(in("sticky/fifo"), APPEND), 0, "%s", why.text);
        cr_assert_eq(chown(in("sticky/fifo"), STRANGER, (gid_t)-1), 0);
        cr_assert_eq(opens(in("sticky/fifo"), APPEND), EACCES);
        make_link("/etc/passwd", "sticky/link", STRANGER);
        is_refused(in("sticky/link"), ELOOP);

        int sock = socket(AF_UNIX, SOCK_STREAM, 0);
        struct sockaddr_un at = { .sun_family = AF_UNIX };
        snprintf(at.sun_path, sizeof at.sun_path, "%s", in("d/sock"));
        cr_assert_eq(bind(sock, (struct sockaddr *)&at, sizeof at), 0);
        is_refused(in("d/sock"), EACCES);
        close(sock);
}

/* Without the quick way, as below a filter, the answers are the same. */
static int without_openat2(void)
{
        CHECK(forbid_one(SYS_openat2, ENOSYS));
        CHECK(opens(in("log"), APPEND) == 0);
        CHECK(opens(in("log"), O_RDONLY) == 0);
        CHECK(opens(in("log"), O_WRONLY | O_CREAT | O_EXCL) == EEXIST);
        CHECK(guarded_rename(in("log"), in("log.1")) == 0);
        CHECK(opens(in("log"), O_RDONLY) == ENOENT);
        CHECK(opens(in("log.1"), O_RDONLY) == 0);
        CHECK(guarded_unlink(in("log.1")) == 0);
        CHECK(opens(in("log.1"), O_RDONLY) == ENOENT);
        return 0;
}

Test(guarded, needs_no_openat2)
{
        isolated(without_openat2);
}

Test(guarded, looks_at_what_stands_there)
{
        put("log", 0);
        make_link("log", "ours", 0);
        cr_assert_eq(guarded_stat(in("ours"), &seen), 0);
        cr_assert(S_ISREG(seen.st_mode));
        cr_assert_neq(guarded_stat(in("none"), &seen), 0);
        cr_assert_eq(errno, ENOENT);
        if (!can_chown())
                return;
        make_link("log", "his", STRANGER);
        cr_assert_eq(guarded_stat(in("his"), &seen), 0);
        cr_assert(S_ISLNK(seen.st_mode));
}

/* The stranger exchanges a file for a link all the time; the secret is never what was opened. */
static void exchange(void)
{
        while (true)
                syscall(SYS_renameat2, AT_FDCWD, in("d/log"), AT_FDCWD, in("d/link"), 2);
}

static int races(void)
{
        struct stat secret;
        int opened = 0;

        CHECK(stat(in("secret"), &secret) == 0);
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                exchange();
        }
        for (int i = 0; race_goes_on(i, 20000); i++) {
                int fd = guarded_open(in("d/log"), STRANGER, both[i % 2], 0644, &seen, &why);
                CHECK(fd < 0 || seen.st_ino != secret.st_ino);
                opened += fd >= 0;
                if (fd >= 0)
                        close(fd);
        }
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        CHECK(opened > 0);
        return 0;
}

Test(guarded, is_not_outrun)
{
        if (!can_chown())
                return;
        make_dir("d", STRANGER);
        put("secret", 0);
        put("d/log", STRANGER);
        make_link("../secret", "d/link", STRANGER);
        isolated(races);
}
