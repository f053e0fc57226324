/* Limits, the daemon's own user, and what the machine answers. */
#include "isolated.h"

#include <grp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "sys/host/host.h"
#include "sys/host/limits.h"
#include "sys/host/user.h"

static char told[1024];
static struct err why;

static void note(struct log *self, enum log_level level, const char *text, size_t len)
{
        (void)self, (void)level;
        snprintf(told + strlen(told), sizeof told - strlen(told), "%.*s\n", (int)len, text);
}

static struct log notes = { .level = LVL_INFO, .write = note };

/* ---- limits */

static int raised(void)
{
        struct rlimit small = { 100, 400 }, now;
        struct limits out;

        CHECK(setrlimit(RLIMIT_NOFILE, &small) == 0);
        CHECK(limits_apply(200, 0, &out, &notes, &why));
        CHECK(out.nofile.rlim_cur == 200 && out.nofile.rlim_max == 400);
        CHECK(getrlimit(RLIMIT_NOFILE, &now) == 0);
        CHECK(now.rlim_cur == 400 && now.rlim_max == 400);
        CHECK(strcmp(told, "Increased RLIMIT_NOFILE limit to 200\n") == 0);
        return 0;
}

Test(limits, raises_what_is_too_low_and_takes_all_for_itself)
{
        isolated(raised);
}

static int enough(void)
{
        struct rlimit small = { 100, 400 };
        struct limits out;

        CHECK(setrlimit(RLIMIT_NOFILE, &small) == 0);
        CHECK(limits_apply(50, 1, &out, &notes, &why));
        CHECK(out.nofile.rlim_cur == 100 && out.nofile.rlim_max == 400);
        CHECK(told[0] == '\0');
        return 0;
}

Test(limits, says_nothing_when_there_is_enough_and_keeps_the_workers_limit)
{
        isolated(enough);
}

static int hard_as_user(void)
{
        struct rlimit small = { 100, 400 };
        struct limits out;

        CHECK(setrlimit(RLIMIT_NOFILE, &small) == 0);
        if (geteuid() == 0)
                CHECK(setresuid(54321, 54321, 54321) == 0);
        CHECK(!limits_apply(500, 0, &out, &notes, &why));
        CHECK(strncmp(why.text,
                      "The minimum number of file descriptors required to run this process is 500 "
                      "as per the \"minfds\" command-line argument or config file setting. The "
                      "current environment will only allow you to open 400 file descriptors.  "
                      "Either raise",
                      200) == 0);
        small = (struct rlimit){ 30, 40 };
        CHECK(setrlimit(RLIMIT_NPROC, &small) == 0);
        CHECK(!limits_apply(100, 50, &out, &notes, &why));
        CHECK(strstr(why.text, "available processes required to run this program is 50"));
        CHECK(strstr(why.text, "\"minprocs\""));
        return 0;
}

Test(limits, refuses_to_start_below_the_minimum)
{
        isolated(hard_as_user);
}

static int hard_as_root(void)
{
        struct rlimit small = { 100, 400 };
        struct limits out;

        if (geteuid() != 0)
                return SKIPPED;
        CHECK(setrlimit(RLIMIT_NOFILE, &small) == 0);
        if (!limits_apply(500, 0, &out, &notes, &why))
                return SKIPPED; /* a container without CAP_SYS_RESOURCE */
        CHECK(out.nofile.rlim_cur == 500 && out.nofile.rlim_max == 500);
        return 0;
}

Test(limits, raises_the_hard_limit_as_root)
{
        isolated(hard_as_root);
}

static long table_size(void)
{
        char line[256];
        long size = -1;
        FILE *f = fopen("/proc/self/status", "re");

        while (f && size < 0 && fgets(line, sizeof line, f))
                if (strncmp(line, "FDSize:", 7) == 0)
                        size = atol(line + 7);
        if (f)
                fclose(f);
        return size;
}

static int roomy(void)
{
        struct rlimit small = { 1500, 1500 };

        if (table_size() < 0)
                return SKIPPED;
        CHECK(setrlimit(RLIMIT_NOFILE, &small) == 0);
        CHECK(table_size() < 700);
        limits_make_room(700);
        CHECK(table_size() >= 700);
        CHECK(table_size() < 1500);
        limits_make_room(INT64_MAX);
        CHECK(table_size() >= 1500);
        limits_make_room(0);
        CHECK(open("/", O_PATH | O_CLOEXEC) == 3); /* and nothing stays open */
        return 0;
}

Test(limits, has_room_for_descriptors_before_they_come)
{
        isolated(roomy);
}

/* ---- the daemon's user */

static bool some_groups(const struct host *w, const char *user, gid_t first, gid_t **list_out,
                        int *count_out)
{
        gid_t *list = malloc(2 * sizeof *list);

        (void)w;
        list[0] = first;
        list[1] = strcmp(user, "visitor") == 0 ? 54399 : 1;
        *list_out = list;
        *count_out = 2;
        return true;
}

static bool no_groups(const struct host *w, const char *user, gid_t first, gid_t **list_out,
                      int *count_out)
{
        (void)w, (void)user, (void)first, (void)list_out, (void)count_out;
        return false;
}

static const struct host lenient = { .groups_of = some_groups };
static const struct host broken = { .groups_of = no_groups };
static const struct account visitor = { .uid = 54321, .gid = 54322, .name = "visitor" };

static int becomes(void)
{
        gid_t groups[8];
        uid_t r, e, s;
        int ends[2];
        char name[64];

        if (geteuid() != 0)
                return SKIPPED;
        CHECK(user_switch(&visitor, &lenient, &why));
        CHECK(getresuid(&r, &e, &s) == 0 && r == 54321 && e == 54321 && s == 54321);
        CHECK(getgid() == 54322 && getegid() == 54322);
        CHECK(getgroups(8, groups) == 2 && groups[0] == 54322 && groups[1] == 54399);
        CHECK(setuid(0) == -1);
        /* a worker's pipe is opened through /proc */
        CHECK(pipe(ends) == 0);
        snprintf(name, sizeof name, "/proc/self/fd/%d", ends[1]);
        CHECK(open(name, O_RDWR) >= 0);
        CHECK(user_switch(&visitor, &broken, &why)); /* already */
        return 0;
}

Test(user, becomes_another_user_for_good)
{
        isolated(becomes);
}

static int cannot(void)
{
        const struct account other = { .uid = 54300, .gid = 54300, .name = "other" };

        if (geteuid() == 0) {
                CHECK(!user_switch(&visitor, &broken, &why));
                CHECK(strcmp(why.text, "Could not set groups of effective user") == 0);
                CHECK(setresuid(54321, 54321, 54321) == 0);
        }
        CHECK(!user_switch(&other, &lenient, &why));
        CHECK(strcmp(why.text, "Can't drop privilege as nonroot user") == 0);
        return 0;
}

Test(user, cannot_be_changed_without_root)
{
        isolated(cannot);
}

/* ---- the host */

static char dir[64];

static void setup(void)
{
        cr_assert_not_null(fresh_dir(dir, sizeof dir));
}

static void teardown(void)
{
        remove_dir(dir);
}

TestSuite(host, .init = setup, .fini = teardown);

static void put(const char *name, const char *data, size_t len)
{
        char path[256];

        snprintf(path, sizeof path, "%s/%s", dir, name);
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
        cr_assert_eq(write(fd, data, len), (ssize_t)len);
        close(fd);
}

static const char *in_dir(const char *name)
{
        static char path[256];

        snprintf(path, sizeof path, "%s/%s", dir, name);
        return path;
}

Test(host, reads_a_file_with_zero_bytes_in_it)
{
        const struct host *w = host_real();
        AUTO_BUF text = BUF_INIT;

        put("a", "x\0y\n", 4);
        cr_assert(w->read_file(w, in_dir("a"), FILE_ORDINARY, &text, &why), "%s", why.text);
        cr_assert_eq(text.len, 4);
        cr_assert_arr_eq(text.data, "x\0y\n", 4);
}

Test(host, reads_a_large_and_an_empty_file)
{
        const struct host *w = host_real();
        static char large[300000];
        AUTO_BUF text = BUF_INIT;
        AUTO_BUF none = BUF_INIT;

        memset(large, 'z', sizeof large);
        put("large", large, sizeof large);
        put("empty", "", 0);
        cr_assert(w->read_file(w, in_dir("large"), FILE_ORDINARY, &text, &why));
        cr_assert_eq(text.len, sizeof large);
        cr_assert(w->read_file(w, in_dir("empty"), FILE_ORDINARY, &none, &why));
        cr_assert_eq(none.len, 0);
        cr_assert_str_eq(buf_str(&none), "");
}

Test(host, says_why_a_file_cannot_be_read)
{
        const struct host *w = host_real();
        AUTO_BUF text = BUF_INIT;

        cr_assert_not(w->read_file(w, in_dir("missing"), FILE_ORDINARY, &text, &why));
        cr_assert_eq(why.sys, ENOENT);
        cr_assert_not(w->read_file(w, dir, FILE_AWAITED, &text, &why));
        cr_assert_eq(why.sys, EISDIR);
        cr_assert_not_null(strstr(why.text, dir));
}

static bool is_read(const char *path, enum file_kind kind)
{
        AUTO_BUF text = BUF_INIT;

        why = (struct err){ 0 };
        bool fine = host_real()->read_file(host_real(), path, kind, &text, &why);
        cr_expect(fine || strstr(why.text, path), "%s: %s", path, why.text);
        cr_expect(fine || why.sys == 0 || why.sys == EISDIR, "%s", why.text);
        return fine;
}

/* A pipe with a name would be waited for, and that has no end without a writer. */
Test(host, reads_what_is_no_file_only_where_that_is_wanted)
{
        struct sockaddr_un at = { .sun_family = AF_UNIX };
        char path[64];
        int ends[2];

        cr_expect(is_read("/dev/null", FILE_ORDINARY));
        cr_assert_eq(symlink("/dev/null", in_dir("masked")), 0);
        cr_expect(is_read(in_dir("masked"), FILE_ORDINARY));
        cr_expect_not(is_read("/dev/zero", FILE_ORDINARY));
        cr_expect_str_eq(why.text, "/dev/zero is a device, not a regular file");
        cr_assert_eq(mkfifo(in_dir("fifo"), 0600), 0);
        cr_expect_not(is_read(in_dir("fifo"), FILE_ORDINARY));
        cr_expect_not(is_read(in_dir("fifo"), FILE_OPEN));
        cr_expect_not(is_read(dir, FILE_OPEN));

        int s = socket(AF_UNIX, SOCK_STREAM, 0);
        cr_assert_lt(strlen(in_dir("socket")), sizeof at.sun_path);
        strcpy(at.sun_path, in_dir("socket"));
        cr_assert_eq(bind(s, (struct sockaddr *)&at, sizeof at), 0);
        cr_expect_not(is_read(in_dir("socket"), FILE_AWAITED));
        close(s);

        cr_assert_eq(pipe(ends), 0);
        cr_assert_eq(write(ends[1], "a", 1), 1);
        snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
        cr_expect_not(is_read(path, FILE_ORDINARY));
        close(ends[1]);
        cr_expect(is_read(path, FILE_OPEN));
        close(ends[0]);
}

/* The writer comes late, and the reader does not take "nothing yet" for the end. */
Test(host, waits_for_what_comes_through_a_pipe)
{
        AUTO_BUF text = BUF_INIT;
        char path[64];
        int ends[2];

        cr_assert_eq(pipe(ends), 0);
        snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
        pid_t pid = fork();
        if (pid == 0) {
                usleep(50000);
                _exit(write(ends[1], "late", 4) != 4);
        }
        cr_assert_gt(pid, 0);
        close(ends[1]);
        cr_assert(host_real()->read_file(host_real(), path, FILE_OPEN, &text, &why), "%s",
                  why.text);
        cr_expect_str_eq(buf_str(&text), "late");
        waitpid(pid, NULL, 0);
        close(ends[0]);
}

Test(host, refuses_a_file_without_end)
{
        const struct host *w = host_real();
        AUTO_BUF text = BUF_INIT;

        cr_assert_not(w->read_file(w, "/dev/zero", FILE_OPEN, &text, &why));
        cr_assert_eq(why.sys, EFBIG);
}

Test(host, globs_in_bytewise_order_without_braces_and_hidden_files)
{
        const struct host *w = host_real();
        static const char *const names[] = { "b.conf", "a.conf", "B.conf", ".c.conf",
                                             "{a,b}.conf" };
        AUTO_STRLIST found = STRLIST_INIT;
        char pattern[128];

        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                put(names[i], "", 0);
        snprintf(pattern, sizeof pattern, "%s/*.conf", dir);
        cr_assert(w->glob(w, pattern, &found, &why));
        cr_assert_eq(found.count, 4);
        cr_assert_str_eq(found.items[0], in_dir("B.conf"));
        cr_assert_str_eq(found.items[1], in_dir("a.conf"));
        cr_assert_str_eq(found.items[2], in_dir("b.conf"));
        snprintf(pattern, sizeof pattern, "%s/{a,b}.conf", dir);
        cr_assert(w->glob(w, pattern, &found, &why));
        cr_assert_eq(found.count, 5);
        snprintf(pattern, sizeof pattern, "%s/[ab].conf", dir);
        cr_assert(w->glob(w, pattern, &found, &why));
        cr_assert_eq(found.count, 7);
        snprintf(pattern, sizeof pattern, "%s/none*", dir);
        cr_assert(w->glob(w, pattern, &found, &why));
        cr_assert_eq(found.count, 7);
}

/* What is not there is no trouble; what cannot be looked at is, and the rest is found all the same.
 */
Test(host, globs_tell_what_they_could_not_look_into)
{
        const struct host *w = host_real();
        AUTO_STRLIST found = STRLIST_INIT;
        char pattern[512], longer[300];
        static const char *const absent[] = { "none/*.conf", "a.conf/*", "none", "*/none",
                                              "x*/y*" };

        put("a.conf", "", 0);
        cr_assert_eq(mkdir(in_dir("d"), 0755), 0);
        put("d/b.conf", "", 0);
        for (size_t i = 0; i < sizeof absent / sizeof *absent; i++) {
                snprintf(pattern, sizeof pattern, "%s/%s", dir, absent[i]);
                cr_expect(w->glob(w, pattern, &found, &why), "%s: %s", pattern, why.text);
                cr_expect_eq(found.count, 0, "%s", pattern);
        }
        cr_assert_eq(symlink("loop", in_dir("loop")), 0);
        snprintf(pattern, sizeof pattern, "%s/*/*.conf", dir);
        cr_expect_not(w->glob(w, pattern, &found, &why));
        cr_expect_eq(why.sys, ELOOP);
        cr_expect_eq(found.count, 1);
        cr_expect_str_eq(found.items[0], in_dir("d/b.conf"));
        memset(longer, 'x', sizeof longer - 1);
        longer[sizeof longer - 1] = '\0';
        snprintf(pattern, sizeof pattern, "%s/%s", dir, longer);
        cr_expect_not(w->glob(w, pattern, &found, &why));
        cr_expect_eq(why.sys, ENAMETOOLONG);
        snprintf(pattern, sizeof pattern, "%s/loop", dir);
        cr_expect(w->glob(w, pattern, &found, &why), "that it loops is told by reading it");
        snprintf(pattern, sizeof pattern, "%s//d/*", dir);
        cr_expect(w->glob(w, pattern, &found, &why));
        cr_expect_eq(found.count, 3);
}

Test(host, tells_files_from_directories)
{
        const struct host *w = host_real();

        put("f", "", 0);
        cr_assert(w->is_dir(w, dir));
        cr_assert_not(w->is_file(w, dir));
        cr_assert(w->is_file(w, in_dir("f")));
        cr_assert_not(w->is_dir(w, in_dir("f")));
        cr_assert(w->is_file(w, "/dev/null"));
        cr_assert_not(w->is_file(w, in_dir("missing")));
}

Test(host, knows_users_and_groups_by_name_and_number)
{
        const struct host *w = host_real();
        struct account who = { 0 };
        struct err e = { 0 };
        gid_t gid = 99;

        cr_assert(w->user(w, "root", &who, &e));
        cr_assert_eq(who.uid, 0);
        cr_assert_str_eq(who.name, "root");
        cr_assert_neq(who.home[0], '\0');
        cr_assert(w->user(w, "0", &who, &e));
        cr_assert_str_eq(who.name, "root");
        cr_assert(w->group(w, "root", &gid, &e));
        cr_assert_eq(gid, 0);
        cr_assert(w->group(w, "0", &gid, &e));
        cr_assert_not(w->user(w, "no-such-user-here", &who, &e));
        cr_assert_eq(e.code, ERR_NOENT);
        cr_assert_not(w->user(w, "", &who, &e));
        cr_assert_not(w->user(w, "4294967295", &who, &e));
        cr_assert_not(w->user(w, "99999999999999999999", &who, &e));
        cr_assert_not(w->group(w, "-1", &gid, &e));
}

Test(host, lists_the_first_group_first)
{
        const struct host *w = host_real();
        gid_t *list = NULL;
        int count = 0;

        cr_assert(w->groups_of(w, "root", 4242, &list, &count));
        cr_assert_geq(count, 1);
        cr_assert_eq(list[0], 4242);
        free(list);
}

static int tmp_from_environment(void)
{
        const struct host *w;

        CHECK(setenv("TMPDIR", "/nowhere/at/all", 1) == 0);
        CHECK(setenv("TEMP", "/usr", 1) == 0);
        CHECK(chdir("/usr") == 0);
        w = host_real();
        CHECK(strcmp(w->tmpdir, "/usr") == 0);
        CHECK(strcmp(w->cwd, "/usr") == 0);
        CHECK(w->hostname[0] && w->environ && w->euid == geteuid());
        CHECK(host_real() == w);
        return 0;
}

Test(host, finds_the_directory_for_temporary_files)
{
        isolated(tmp_from_environment);
}

Test(host, gives_the_address_of_a_host_in_digits)
{
        const struct host *w = host_real();
        AUTO_STRLIST found = STRLIST_INIT;
        struct err e = { 0 };

        cr_expect(w->resolve(w, "127.0.0.1", &found, &e));
        cr_expect(w->resolve(w, "2001:db8::0:7", &found, &e));
        cr_assert_eq(found.count, 2);
        cr_expect_str_eq(found.items[0], "127.0.0.1");
        cr_expect_str_eq(found.items[1], "2001:db8::7");
        cr_expect_not(w->resolve(w, "no host", &found, &e));
        cr_expect_eq(found.count, 2);
}
