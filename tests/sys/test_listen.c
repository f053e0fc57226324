#include "isolated.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "sys/net/listen.h"

static char dir[64];
static char path[128];

static void setup(void)
{
        cr_assert_not_null(fresh_dir(dir, sizeof dir));
        snprintf(path, sizeof path, "%s/s", dir);
}

static void teardown(void)
{
        remove_dir(dir);
}

TestSuite(listen_unix, .init = setup, .fini = teardown);

static struct unix_listen wanted(void)
{
        return (struct unix_listen){
                .path = path, .mode = 0700, .uid = (uid_t)-1, .gid = (gid_t)-1, .backlog = 16
        };
}

/* -1: refused. What came of it is in these. */
static struct unix_made made;
static struct err why;

static int try_listen(void)
{
        struct unix_listen l = wanted();

        why = (struct err){ 0 };
        return listen_unix(&l, &made, &why) ? made.fd : -1;
}

static int connect_to(const char *where)
{
        struct sockaddr_un at = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        memcpy(at.sun_path, where, strnlen(where, sizeof at.sun_path - 1));
        if (connect(fd, (struct sockaddr *)&at, sizeof at) == 0)
                return fd;
        close(fd);
        return -1;
}

static int entries(void)
{
        DIR *d = opendir(dir);
        int n = 0;

        while (d && readdir(d))
                n++;
        closedir(d);
        return n - 2;
}

/* A socket whose server is gone. */
static void leave_stale(void)
{
        int fd = try_listen();

        cr_assert_geq(fd, 0);
        close(fd);
}

Test(listen_unix, makes_a_socket_that_answers)
{
        int fd = try_listen();
        struct stat st;

        cr_assert_geq(fd, 0, "%s", why.text);
        cr_assert_not(made.stale);
        cr_assert_eq(stat(path, &st), 0);
        cr_assert(S_ISSOCK(st.st_mode));
        cr_assert_eq(st.st_mode & 07777, 0700);
        cr_assert_eq(st.st_nlink, 1);
        cr_assert_eq(entries(), 1);
        cr_assert_eq(accept(fd, NULL, NULL), -1);
        cr_assert_eq(errno, EAGAIN);
        cr_assert_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
        cr_assert_geq(connect_to(path), 0);
        cr_assert_geq(accept(fd, NULL, NULL), 0);
        close(fd);
}

Test(listen_unix, sets_the_mode_whatever_the_umask)
{
        struct unix_listen l = wanted();
        struct stat st;

        umask(0777);
        l.mode = 0766;
        cr_assert(listen_unix(&l, &made, &why));
        umask(022);
        cr_assert_eq(stat(path, &st), 0);
        cr_assert_eq(st.st_mode & 07777, 0766);
}

Test(listen_unix, sets_owner_and_group)
{
        struct unix_listen l = wanted();
        struct stat st;

        if (geteuid() == 0) {
                l.uid = 54321;
                l.gid = 54322;
        } else {
                l.uid = geteuid();
                l.gid = getegid();
        }
        cr_assert(listen_unix(&l, &made, &why));
        cr_assert_eq(stat(path, &st), 0);
        cr_assert_eq(st.st_uid, l.uid);
        cr_assert_eq(st.st_gid, l.gid);
}

static int chown_as_user(void)
{
        struct unix_listen l = wanted();

        if (geteuid() != 0)
                return SKIPPED;
        CHECK(chmod(dir, 0777) == 0);
        CHECK(setresgid(54322, 54322, 54322) == 0 && setresuid(54321, 54321, 54321) == 0);
        l.uid = 0;
        CHECK(!listen_unix(&l, &made, &why));
        CHECK(why.code == ERR_SYS && why.sys == EPERM);
        CHECK(strncmp(why.text, "chown ", 6) == 0);
        CHECK(entries() == 0);
        return 0;
}

Test(listen_unix, says_that_it_may_not_chown_and_leaves_nothing)
{
        isolated(chown_as_user);
}

Test(listen_unix, replaces_a_stale_socket_and_says_so)
{
        leave_stale();
        int fd = try_listen();
        cr_assert_geq(fd, 0, "%s", why.text);
        cr_assert(made.stale);
        cr_assert_eq(entries(), 1);
        cr_assert_geq(connect_to(path), 0);
}

Test(listen_unix, leaves_a_living_socket_and_names_its_holder)
{
        char expected[256];
        int first = try_listen();

        cr_assert_geq(first, 0);
        cr_assert_eq(try_listen(), -1);
        cr_assert_eq(why.code, ERR_BUSY);
        cr_assert_eq(made.holder, getpid());
        snprintf(expected, sizeof expected, "%s is in use by pid %d of user %u", path,
                 (int)getpid(), (unsigned)geteuid());
        cr_assert_str_eq(why.text, expected);
        cr_assert_eq(entries(), 1);
        cr_assert_geq(connect_to(path), 0);
}

Test(listen_unix, takes_a_full_queue_for_a_living_one)
{
        struct unix_listen l = wanted();

        l.backlog = 0;
        cr_assert(listen_unix(&l, &made, &why));
        cr_assert_geq(connect_to(path), 0);
        cr_assert_eq(try_listen(), -1);
        cr_assert_eq(why.code, ERR_BUSY);
        cr_assert(strstr(why.text, path) && strstr(why.text, "belongs to user"), "%s", why.text);
}

static bool says_owner(void)
{
        return strstr(why.text, path) && strstr(why.text, "belongs to user 0");
}

/* Root has the path, in a directory like /tmp. */
static int held_by_root(void)
{
        char expected[256];

        if (geteuid() != 0)
                return SKIPPED;
        CHECK(chmod(dir, 01777) == 0);
        int fd = try_listen();
        CHECK(fd >= 0);
        pid_t root = getpid();
        pid_t pid = fork();
        if (pid > 0) {
                int status;
                CHECK(waitpid(pid, &status, 0) == pid);
                return status != 0;
        }
        if (seteuid(54321) < 0)
                _exit(1);
        bool fine = try_listen() == -1 && why.code == ERR_SYS && why.sys == EACCES && says_owner();
        fine = fine && seteuid(0) == 0 && chmod(path, 0777) == 0 && seteuid(54321) == 0;
        snprintf(expected, sizeof expected, "%s is in use by pid %d of user 0", path, (int)root);
        fine = fine && try_listen() == -1 && strcmp(why.text, expected) == 0;
        close(fd);
        _exit(!fine);
}

static int left_by_root(void)
{
        if (geteuid() != 0)
                return SKIPPED;
        CHECK(chmod(dir, 01777) == 0);
        int fd = try_listen();
        CHECK(fd >= 0 && close(fd) == 0 && chmod(path, 0777) == 0 && seteuid(54321) == 0);
        CHECK(try_listen() == -1 && why.code == ERR_SYS && says_owner());
        CHECK(seteuid(0) == 0 && unlink(path) == 0 && mkdir(path, 0755) == 0);
        CHECK(seteuid(54321) == 0 && try_listen() == -1 && says_owner());
        return 0;
}

Test(listen_unix, names_path_pid_and_user_of_a_living_socket_of_another_user)
{
        isolated(held_by_root);
}

Test(listen_unix, names_path_and_owner_of_what_another_user_has_left)
{
        isolated(left_by_root);
}

static const char *beside(const char *name)
{
        static char other[160];

        snprintf(other, sizeof other, "%s/%s", dir, name);
        return other;
}

static void put_file(const char *where, const char *text)
{
        int fd = open(where, O_WRONLY | O_CREAT | O_EXCL, 0644);

        cr_assert_geq(fd, 0);
        cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
        close(fd);
}

static void is_left_alone(const char *what)
{
        struct stat before, after;

        cr_assert_eq(lstat(path, &before), 0);
        cr_assert_eq(try_listen(), -1);
        cr_assert_eq(why.code, ERR_SYS);
        cr_assert_eq(why.sys, EEXIST);
        cr_assert_not_null(strstr(why.text, what), "%s", why.text);
        cr_assert_eq(lstat(path, &after), 0);
        cr_assert_eq(before.st_ino, after.st_ino);
        cr_assert_eq(entries(), 1);
}

Test(listen_unix, never_removes_a_file_with_content)
{
        put_file(path, "x");
        is_left_alone("is a file with content");
}

Test(listen_unix, never_removes_a_directory)
{
        cr_assert_eq(mkdir(path, 0755), 0);
        is_left_alone("is a directory");
        cr_assert_eq(rmdir(path), 0);
}

static void is_replaced(const char *what)
{
        struct stat st;
        int fd = try_listen();

        cr_assert_geq(fd, 0, "%s", why.text);
        cr_assert_str_eq(made.replaced, what);
        cr_assert_not(made.stale);
        cr_assert_eq(lstat(path, &st), 0);
        cr_assert(S_ISSOCK(st.st_mode));
        cr_assert_eq(st.st_ino, made.ino);
        cr_assert_geq(connect_to(path), 0);
        close(fd);
        cr_assert_eq(unlink(path), 0);
}

Test(listen_unix, replaces_what_has_no_content)
{
        put_file(path, "");
        is_replaced("an empty file");
        cr_assert_eq(mkfifo(path, 0600), 0);
        is_replaced("a FIFO");
        cr_assert_eq(entries(), 0);
}

Test(listen_unix, replaces_a_link_and_never_its_target)
{
        static const char *const names[] = { "file",    "fifo", "folder",    "dead",
                                             "nothing", "s",    "file/below" };
        struct unix_listen l = wanted();

        put_file(beside("file"), "text");
        cr_assert_eq(mkfifo(beside("fifo"), 0600), 0);
        cr_assert_eq(mkdir(beside("folder"), 0700), 0);
        l.path = beside("dead");
        cr_assert(listen_unix(&l, &made, &why));
        close(made.fd);
        int before = entries();
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
                cr_assert_eq(symlink(names[i], path), 0);
                is_replaced("a link");
                cr_assert_eq(entries(), before, "%s", names[i]);
        }
}

Test(listen_unix, leaves_a_link_to_a_socket_that_answers)
{
        struct unix_listen l = wanted();
        struct stat st;

        l.path = beside("living");
        cr_assert(listen_unix(&l, &made, &why));
        cr_assert_eq(symlink("living", path), 0);
        cr_assert_eq(try_listen(), -1);
        cr_assert_eq(why.code, ERR_BUSY);
        cr_assert_eq(made.holder, getpid());
        cr_assert_eq(lstat(path, &st), 0);
        cr_assert(S_ISLNK(st.st_mode));
}

/* ---- in a directory of another user */

#define STRANGER 12345

/* The stranger puts a link to a file of ours, or a second name of it, where the socket is made. */
static void exchange_for_ever(void)
{
        char fresh[160], fresh_short[160];

        snprintf(fresh, sizeof fresh, "%s.%d", path, (int)getppid());
        snprintf(fresh_short, sizeof fresh_short, "%s/.%d", dir, (int)getppid());
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        while (true) {
                syscall(SYS_renameat2, AT_FDCWD, beside("lnk"), AT_FDCWD, fresh, 2);
                syscall(SYS_renameat2, AT_FDCWD, beside("lnk"), AT_FDCWD, fresh_short, 2);
        }
}

static int raced(void)
{
        char secret[128];
        struct unix_listen l = wanted();
        struct stat st;
        int listened = 0;

        if (geteuid() != 0)
                return SKIPPED;
        l.mode = 0777;
        l.uid = STRANGER;
        snprintf(secret, sizeof secret, "%s.secret", dir);
        int fd = open(secret, O_WRONLY | O_CREAT | O_EXCL, 0600);
        CHECK(fd >= 0 && close(fd) == 0);
        CHECK(symlink(secret, beside("lnk")) == 0);
        CHECK(chown(dir, STRANGER, (gid_t)-1) == 0);
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0)
                exchange_for_ever();
        for (int i = 0; race_goes_on(i, 3000); i++) {
                unlink(path);
                listened += listen_unix(&l, &made, &why);
                if (made.fd >= 0)
                        close(made.fd);
        }
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        CHECK(stat(secret, &st) == 0);
        unlink(secret);
        CHECK(listened > 0);
        CHECK((st.st_mode & 07777) == 0600 && st.st_uid == 0);
        return 0;
}

Test(listen_unix, changes_no_other_file_s_rights_when_names_are_exchanged)
{
        isolated(raced);
}

static int below_a_link(void)
{
        char other[128];

        if (geteuid() != 0)
                return SKIPPED;
        snprintf(other, sizeof other, "%s.d", dir);
        CHECK(mkdir(other, 0755) == 0);
        CHECK(symlink(other, beside("sub")) == 0 &&
              lchown(beside("sub"), STRANGER, (gid_t)-1) == 0);
        CHECK(chown(dir, STRANGER, (gid_t)-1) == 0);
        snprintf(path, sizeof path, "%s/sub/s", dir);
        bool refused = try_listen() == -1 && why.code == ERR_FOREIGN;
        CHECK(rmdir(other) == 0);
        CHECK(refused);
        return 0;
}

Test(listen_unix, is_not_led_elsewhere_by_another_user_s_link)
{
        isolated(below_a_link);
}

Test(listen_unix, changes_rights_of_its_own_node_only)
{
        struct unix_listen l = wanted();
        struct stat st;

        cr_assert_geq(try_listen(), 0);
        l.mode = 0770;
        cr_assert(unix_rights(&l, made.dev, made.ino, &why), "%s", why.text);
        cr_assert_eq(stat(path, &st), 0);
        cr_assert_eq(st.st_mode & 07777, 0770);
        put_file(beside("secret"), "");
        cr_assert_eq(unlink(path), 0);
        cr_assert_eq(symlink("secret", path), 0);
        cr_assert_not(unix_rights(&l, made.dev, made.ino, &why));
        cr_assert_eq(stat(beside("secret"), &st), 0);
        cr_assert_eq(st.st_mode & 07777, 0644);
}

Test(listen_unix, fails_in_a_missing_directory)
{
        snprintf(path, sizeof path, "%s/no/s", dir);
        cr_assert_eq(try_listen(), -1);
        cr_assert_eq(why.code, ERR_SYS);
        cr_assert_eq(why.sys, ENOENT);
}

Test(listen_unix, clears_a_temporary_name_left_by_its_own_pid)
{
        struct unix_listen l = wanted();
        char left[160];

        snprintf(left, sizeof left, "%s.%d", path, (int)getpid());
        l.path = left;
        cr_assert(listen_unix(&l, &made, &why));
        close(made.fd);
        cr_assert_geq(try_listen(), 0, "%s", why.text);
        cr_assert_eq(entries(), 1);
}

Test(listen_unix, takes_a_path_of_107_bytes_and_refuses_108)
{
        size_t len = strlen(dir);

        memcpy(path, dir, len);
        path[len] = '/';
        memset(path + len + 1, 'x', 107 - len - 1);
        path[107] = '\0';
        cr_assert_geq(try_listen(), 0, "%s", why.text);
        cr_assert_geq(connect_to(path), 0);
        cr_assert_eq(entries(), 1);
        path[107] = 'x';
        path[108] = '\0';
        cr_assert_eq(try_listen(), -1);
        cr_assert_eq(why.code, ERR_USAGE);
        cr_assert_not_null(strstr(why.text, "107"));
}

static int without_links(void)
{
        static const int calls[] = {
#ifdef SYS_link
                SYS_link,
#endif
                SYS_linkat,
        };

        if (!forbid(calls, sizeof calls / sizeof *calls, EPERM))
                return SKIPPED;
        int first = try_listen();
        CHECK(first >= 0 && connect_to(path) >= 0 && entries() == 1);
        CHECK(try_listen() == -1 && why.code == ERR_BUSY && entries() == 1);
        close(first);
        CHECK(try_listen() >= 0 && made.stale && entries() == 1);
        return 0;
}

Test(listen_unix, takes_a_long_directory_with_a_short_name)
{
        char deep[108];
        size_t len = strlen(dir);

        memcpy(deep, dir, len);
        deep[len] = '/';
        memset(deep + len + 1, 'd', 105 - len - 1);
        deep[105] = '\0';
        cr_assert_eq(mkdir(deep, 0700), 0);
        snprintf(path, sizeof path, "%s/s", deep);
        cr_assert_eq(strlen(path), 107);
        cr_assert_geq(try_listen(), 0, "%s", why.text);
        cr_assert_geq(connect_to(path), 0);
}

Test(listen_unix, works_on_a_file_system_without_hard_links)
{
        isolated(without_links);
}

/* Children start at once, each tells how it fared and stays until told to go. */
#define RIVALS 4

static int rival(int go, int done)
{
        char word;

        if (read(go, &word, 1) != 0)
                return 1;
        int fd = try_listen();
        word = fd >= 0 ? 'w' : why.code == ERR_BUSY ? 'b' : '?';
        if (word == '?')
                dprintf(2, "%s\n", why.text);
        if (write(done, &word, 1) != 1)
                return 1;
        return poll(NULL, 0, 10000);
}

static int one_winner(void)
{
        int go[2], done[2], won = 0, busy = 0;
        pid_t pids[RIVALS];

        CHECK(pipe(go) == 0 && pipe(done) == 0);
        for (int i = 0; i < RIVALS; i++) {
                pids[i] = fork();
                if (pids[i] == 0) {
                        close(go[1]);
                        _exit(rival(go[0], done[1]));
                }
        }
        close(go[1]);
        close(go[0]);
        for (int i = 0; i < RIVALS; i++) {
                char word = 0;
                CHECK(read(done[0], &word, 1) == 1);
                won += word == 'w';
                busy += word == 'b';
        }
        bool answers = connect_to(path) >= 0;
        for (int i = 0; i < RIVALS; i++) {
                kill(pids[i], SIGKILL);
                waitpid(pids[i], NULL, 0);
        }
        CHECK(won == 1 && busy == RIVALS - 1);
        CHECK(answers);
        close(done[0]);
        close(done[1]);
        return 0;
}

static int rivals(void)
{
        leave_stale();
        for (int round = 0; round < 25; round++)
                CHECK(one_winner() == 0); /* the next round finds a stale one */
        CHECK(entries() == 1);
        return 0;
}

Test(listen_unix, gives_a_stale_path_to_exactly_one_of_several)
{
        isolated(rivals);
}

/* ---- TCP */

static int fds[8], count;

static bool inet(const char *host, int port)
{
        why = (struct err){ 0 };
        return listen_inet(host, port, 16, fds, 8, &count, &why);
}

static int port_of(int fd)
{
        struct sockaddr_storage at;
        socklen_t len = sizeof at;

        if (getsockname(fd, (struct sockaddr *)&at, &len) < 0)
                return -1;
        return ntohs(at.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&at)->sin6_port
                                              : ((struct sockaddr_in *)&at)->sin_port);
}

static bool reaches_v4(int port)
{
        struct sockaddr_in at = { .sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        bool fine = connect(fd, (struct sockaddr *)&at, sizeof at) == 0;

        close(fd);
        return fine;
}

static bool reaches_v6(int port)
{
        struct sockaddr_in6 at = { .sin6_family = AF_INET6,
                                   .sin6_port = htons((uint16_t)port),
                                   .sin6_addr = in6addr_loopback };
        int fd = socket(AF_INET6, SOCK_STREAM, 0);
        bool fine = fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) == 0;

        close(fd);
        return fine;
}

static bool has_v6(void)
{
        struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
        int fd = socket(AF_INET6, SOCK_STREAM, 0);
        bool fine = fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0;

        close(fd);
        return fine;
}

Test(listen_inet, listens_on_an_address)
{
        cr_assert(inet("127.0.0.1", 0), "%s", why.text);
        cr_assert_eq(count, 1);
        cr_assert(reaches_v4(port_of(fds[0])));
        cr_assert_eq(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
        cr_assert_eq(accept(fds[0], NULL, NULL) >= 0, true);
        cr_assert_eq(accept(fds[0], NULL, NULL), -1);
        cr_assert_eq(errno, EAGAIN);
}

Test(listen_inet, listens_on_both_families_for_localhost)
{
        cr_assert(inet("localhost", 0), "%s", why.text);
        cr_assert_eq(count, has_v6() ? 2 : 1);
        cr_assert(reaches_v4(port_of(fds[0])));
        if (has_v6())
                cr_assert(reaches_v6(port_of(fds[0])));
}

Test(listen_inet, listens_everywhere_without_a_host)
{
        cr_assert(inet("", 0), "%s", why.text);
        cr_assert_eq(count, 1);
        cr_assert(reaches_v4(port_of(fds[0])));
        if (has_v6())
                cr_assert(reaches_v6(port_of(fds[0])));
}

Test(listen_inet, takes_an_ipv6_address_with_or_without_brackets)
{
        if (!has_v6())
                cr_skip_test("no IPv6");
        cr_assert(inet("::1", 0), "%s", why.text);
        cr_assert(reaches_v6(port_of(fds[0])));
        cr_assert_not(reaches_v4(port_of(fds[0])));
        cr_assert(inet("[::1]", 0), "%s", why.text);
        cr_assert(reaches_v6(port_of(fds[0])));
}

static int no_v6(void)
{
        /* socket() as such must work, for IPv4: so the option that only v6 uses */
        if (!forbid_one(SYS_setsockopt, EPERM))
                return SKIPPED;
        CHECK(!inet("", 0) && why.code == ERR_SYS && count == 0);
        return 0;
}

Test(listen_inet, reports_what_the_kernel_refuses)
{
        isolated(no_v6);
}

Test(listen_inet, says_busy_and_where)
{
        char expected[64];
        int others[8], other_count;

        cr_assert(inet("127.0.0.1", 0));
        int port = port_of(fds[0]);
        cr_assert_not(listen_inet("127.0.0.1", port, 16, others, 8, &other_count, &why));
        cr_assert_eq(why.code, ERR_BUSY);
        cr_assert_eq(other_count, 0);
        snprintf(expected, sizeof expected, "bind 127.0.0.1:%d: Address already in use", port);
        cr_assert_str_eq(why.text, expected);
        cr_assert_not(listen_inet("localhost", port, 16, others, 8, &other_count, &why));
        cr_assert_eq(why.code, ERR_BUSY);
}

Test(listen_inet, fails_on_an_address_that_is_not_here)
{
        cr_assert_not(inet("192.0.2.1", 0));
        cr_assert_eq(why.code, ERR_SYS);
        cr_assert_eq(why.sys, EADDRNOTAVAIL);
        cr_assert_eq(count, 0);
}

Test(listen_inet, fails_on_a_name_that_cannot_be)
{
        cr_assert_not(inet("not a host name", 1));
        cr_assert_eq(why.code, ERR_NOENT);
        cr_assert_not(inet("localhost.localdomain", 1), "nothing is looked up");
        cr_assert_eq(why.code, ERR_NOENT);
}

Test(listen_inet, listens_on_each_address_of_a_name_that_is_here)
{
        AUTO_STRLIST addresses = STRLIST_INIT;

        cr_assert(strlist_add(&addresses, "192.0.2.1") && strlist_add(&addresses, "127.0.0.1") &&
                  strlist_add(&addresses, "127.0.0.2"));
        cr_assert(listen_addresses("box", &addresses, 0, 16, fds, 8, &count, &why), "%s", why.text);
        cr_expect_eq(count, 2);
        cr_expect(reaches_v4(port_of(fds[0])));
        strlist_release(&addresses);
        cr_assert(strlist_add(&addresses, "192.0.2.1"));
        cr_assert_not(listen_addresses("box", &addresses, 0, 16, fds, 8, &count, &why));
        cr_expect_eq(why.sys, EADDRNOTAVAIL);
}

Test(listen_inet, refuses_ports_that_cannot_be)
{
        cr_assert_not(inet("127.0.0.1", 65536));
        cr_assert_eq(why.code, ERR_USAGE);
}
