/* The daemon's own log (compat 16). */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "logs/mainlog/mainlog.h"
#include "rig.h"

#define STAMP "^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2},[0-9]{3} "

static struct rig rig;
static struct mainlog *m;
static struct mainlog_conf conf;
static char path[256];

static void setup(void)
{
        rig_open(&rig, true);
        snprintf(path, sizeof path, "%s", rig_path(&rig, "sd.log"));
        conf = (struct mainlog_conf){
                .path = path, .level = LVL_INFO, .identifier = "supervisor", .sys = &rig.kernel.ops
        };
}

static void teardown(void)
{
        if (m)
                mainlog_set_loop(m, NULL);
        mainlog_free(m);
        m = NULL;
        rig_close(&rig);
}

static void make(void)
{
        m = mainlog_new(&conf, &rig.err);
        cr_assert(m, "%s", rig.err.text);
}

/* What the log says of its own trouble, where it would have stood, and afterwards. */
#define WAITS(why) "ERRO cannot write /sd.log: " why "; its lines wait\n"
#define WELL       "INFO /sd.log is written again\n"

#define SAY(level, ...) log_line(mainlog_log(m), level, __VA_ARGS__)

/* The file's lines without their stamps. */
static bool lines_are(const char *name, const char *want)
{
        AUTO_BUF out = BUF_INIT;
        char *text = rig_read(&rig, name, NULL);

        for (char *l = strtok(text, "\n"); l; l = strtok(NULL, "\n")) {
                char *dir = strstr(l, rig.dir); /* another one each time */
                if (dir)
                        memmove(dir, dir + strlen(rig.dir), strlen(dir + strlen(rig.dir)) + 1);
                buf_printf(&out, "%s\n", strlen(l) > 24 ? l + 24 : l);
        }
        free(text);
        if (strcmp(buf_str(&out), want) != 0)
                fprintf(stderr, "%s: '%s'\n", name, buf_str(&out));
        return strcmp(buf_str(&out), want) == 0;
}

TestSuite(mainlog, .init = setup, .fini = teardown);

Test(mainlog, writes_lines_of_supervisors_format)
{
        regex_t re;

        make();
        SAY(LVL_INFO, "supervisord started with pid %d", 7);
        SAY(LVL_DEBUG, "unseen");
        char *text = rig_read(&rig, "sd.log", NULL);
        cr_assert_eq(regcomp(&re, STAMP "INFO supervisord started with pid 7\n$", REG_EXTENDED), 0);
        cr_expect_eq(regexec(&re, text, 0, NULL, 0), 0, "%s", text);
        regfree(&re);
        free(text);
        SAY(LVL_WARN, "a");
        SAY(LVL_ERROR, "b");
        SAY(LVL_CRITICAL, "c");
        conf.level = LVL_BLATHER;
        cr_expect(mainlog_configure(m, &conf, &rig.err));
        SAY(LVL_DEBUG, "d");
        SAY(LVL_TRACE, "e");
        SAY(LVL_BLATHER, "f");
        cr_expect(lines_are("sd.log", "INFO supervisord started with pid 7\nWARN a\nERRO b\n"
                                      "CRIT c\nDEBG d\nTRAC e\nBLAT f\n"));
        cr_expect_str_eq(mainlog_path(m), path);
}

Test(mainlog, rotates)
{
        conf.maxbytes = 60;
        conf.backups = 2;
        make();
        for (int i = 0; i < 7; i++)
                SAY(LVL_INFO, "line number %d", i);
        cr_expect(lines_are("sd.log", "INFO line number 6\n"));
        cr_expect(lines_are("sd.log.1", "INFO line number 4\nINFO line number 5\n"));
        cr_expect(lines_are("sd.log.2", "INFO line number 2\nINFO line number 3\n"));
        cr_expect_neq(access(rig_path(&rig, "sd.log.3"), F_OK), 0);
}

Test(mainlog, says_that_it_cannot_rotate)
{
        bool said = false;

        conf.maxbytes = 30;
        conf.backups = 9;
        make();
        kernel_fail(&rig.kernel, K_RENAME, 1, EACCES);
        SAY(LVL_INFO, "line number one");
        /* The warning reaches the bound of a file that cannot be rotated, and the next line tries.
         */
        SAY(LVL_INFO, "line number two");
        for (int n = 1; n < 9 && !said; n++) {
                char name[24];
                snprintf(name, sizeof name, "sd.log.%d", n);
                if (access(rig_path(&rig, name), F_OK) != 0)
                        break;
                char *text = rig_read(&rig, name, NULL);
                said = strstr(text, "WARN cannot rotate ");
                free(text);
        }
        cr_expect(said);
}

Test(mainlog, refuses_a_file_that_cannot_be_made_and_keeps_the_old_one)
{
        make();
        conf.path = "/nonexistent/folder/log";
        cr_expect(mainlog_configure(m, &conf, &rig.err));
        cr_expect(strstr(mainlog_path(m), "/sd.log"), "the old file is shown again");
        SAY(LVL_INFO, "still");
        cr_expect(lines_are("sd.log", "CRIT the main log stays where it was: open "
                                      "/nonexistent/folder/log: No such file or directory\n"
                                      "INFO still\n"));
        cr_expect_null(mainlog_new(&conf, &rig.err));
}

Test(mainlog, rename_seq_to_another_file)
{
        make();
        SAY(LVL_INFO, "one");
        conf.path = rig_path(&rig, "other.log");
        cr_expect(mainlog_configure(m, &conf, &rig.err));
        SAY(LVL_INFO, "two");
        cr_expect(lines_are("sd.log", "INFO one\n"));
        cr_expect(lines_are("other.log", "INFO two\n"));
        conf.path = NULL;
        cr_expect(mainlog_configure(m, &conf, &rig.err));
        SAY(LVL_INFO, "three");
        cr_expect_null(mainlog_path(m));
        cr_expect_not(mainlog_clear(m, &rig.err));
        cr_expect(lines_are("other.log", "INFO two\n"));
}

Test(mainlog, reopens_and_clears)
{
        make();
        SAY(LVL_INFO, "one");
        cr_assert_eq(rename(path, rig_path(&rig, "old.log")), 0);
        SAY(LVL_INFO, "two");
        mainlog_reopen(m);
        SAY(LVL_INFO, "three");
        cr_expect(lines_are("old.log", "INFO one\nINFO two\n"));
        cr_expect(lines_are("sd.log", "INFO three\n"));
        cr_expect(mainlog_clear(m, &rig.err));
        cr_expect(lines_are("sd.log", ""));
        SAY(LVL_INFO, "four");
        cr_expect(lines_are("sd.log", "INFO four\n"));
}

Test(mainlog, keeps_lines_while_the_disk_is_full)
{
        make();
        SAY(LVL_INFO, "one");
        kernel_shorten(&rig.kernel, K_WRITE, 1, 10);
        kernel_fail(&rig.kernel, K_WRITE, 0, ENOSPC);
        SAY(LVL_INFO, "two");
        SAY(LVL_INFO, "three");
        cr_expect(lines_are("sd.log", "INFO one\n"));
        kernel_mend(&rig.kernel, K_WRITE);
        SAY(LVL_INFO, "four");
        cr_expect(
            lines_are("sd.log", "INFO one\nINFO two\n" WAITS(
                                    "No space left on device") "INFO three\nINFO four\n" WELL));
}

Test(mainlog, continues_a_line_that_was_broken_off)
{
        make();
        kernel_shorten(&rig.kernel, K_WRITE, 1, 10);
        kernel_fail(&rig.kernel, K_WRITE, 2, EIO);
        kernel_fail(&rig.kernel, K_WRITE, 3, EIO);
        SAY(LVL_INFO, "one");
        SAY(LVL_INFO, "two");
        SAY(LVL_INFO, "three");
        cr_expect(lines_are("sd.log", "INFO one\n" WAITS("Input/output error") "INFO two\n" WELL
                                                                               "INFO three\n"));
}

Test(mainlog, counts_what_it_could_not_keep)
{
        char big[100000];
        size_t len;

        make();
        kernel_fail(&rig.kernel, K_WRITE, 0, ENOSPC);
        memset(big, 'x', sizeof big);
        for (int i = 0; i < 15; i++)
                SAY(LVL_INFO, "%.*s", (int)sizeof big, big);
        kernel_mend(&rig.kernel, K_WRITE);
        mainlog_reopen(m);
        SAY(LVL_INFO, "after");
        char *text = rig_read(&rig, "sd.log", &len);
        cr_expect_gt(len, 1000000);
        cr_expect_lt(len, 1100000);
        cr_expect(strstr(text, "WARN 5 lines of this log are missing here: No space left"));
        cr_expect(strstr(text, "INFO after\n"));
        free(text);
}

static bool is_there(struct rig *r)
{
        struct stat st;

        (void)r;
        return stat(path, &st) == 0 && st.st_size > 0;
}

Test(mainlog, tries_by_itself_with_a_loop_and_watches_nothing_otherwise)
{
        make();
        mainlog_set_loop(m, rig.loop);
        cr_expect(rig_idle(&rig));
        kernel_fail(&rig.kernel, K_WRITE, 1, ENOSPC);
        SAY(LVL_INFO, "one");
        cr_expect(rig_until(&rig, is_there));
        cr_expect(lines_are("sd.log", "INFO one\n" WAITS("No space left on device") WELL));
        cr_expect(rig_idle(&rig));
}

Test(mainlog, tries_at_the_very_end)
{
        make();
        kernel_fail(&rig.kernel, K_WRITE, 1, ENOSPC);
        SAY(LVL_INFO, "one");
        mainlog_free(m);
        m = NULL;
        cr_expect(lines_are("sd.log", "INFO one\n" WAITS("No space left on device") WELL));
}

/* ---- the copy on stdout: fd 1 of this test is replaced */

static int saved_stdout;

static void stdout_is(int fd)
{
        fflush(stdout);
        saved_stdout = dup(1);
        cr_assert_eq(dup2(fd, 1), 1);
        conf.to_stdout = true;
        make();
}

static void stdout_back(void)
{
        dup2(saved_stdout, 1);
        close(saved_stdout);
}

Test(mainlog, copies_to_stdout_in_the_foreground)
{
        int fds[2];
        char text[256] = "";

        cr_assert_eq(pipe(fds), 0);
        stdout_is(fds[1]);
        SAY(LVL_INFO, "hello");
        stdout_back();
        cr_expect_gt(read(fds[0], text, sizeof text - 1), 24);
        cr_expect_str_eq(text + 24, "INFO hello\n");
        cr_expect(lines_are("sd.log", "INFO hello\n"));
        cr_expect_eq(fcntl(fds[1], F_GETFL) & O_NONBLOCK, 0);
}

static void full_stdout(int fds[2])
{
        char text[4096];
        size_t lines = 0, at = 0;
        AUTO_BUF all = BUF_INIT;
        ssize_t n;

        stdout_is(fds[1]);
        mainlog_set_loop(m, rig.loop);
        for (int i = 0; i < 20000; i++)
                SAY(LVL_INFO, "line %d", i);
        stdout_back();
        close(fds[1]);
        for (int i = 0; i < 2000; i++) {
                n = recv(fds[0], text, sizeof text, MSG_DONTWAIT);
                if (n < 0 && errno == ENOTSOCK)
                        n = read(fds[0], text, sizeof text);
                if (n > 0)
                        buf_put(&all, text, (size_t)n);
                rig_settle(&rig);
        }
        for (char *l = all.data; l && *l; l = strchr(l, '\n') + 1, lines++)
                cr_assert_eq(sscanf(l + 24, "INFO line %zu", &at), 1, "%.60s", l);
        cr_expect_gt(lines, 500);
        cr_expect_lt(lines, 20000);
        cr_expect(rig_idle(&rig));
        size_t len;
        char *file = rig_read(&rig, "sd.log", &len);
        cr_expect(strstr(file, "INFO line 19999\n"));
        free(file);
}

Test(mainlog, neither_waits_for_a_full_pipe_nor_breaks_lines_there)
{
        int fds[2];

        cr_assert_eq(pipe(fds), 0);
        fcntl(fds[0], F_SETFL, O_NONBLOCK);
        full_stdout(fds);
}

Test(mainlog, neither_waits_for_a_full_socket_nor_breaks_lines_there)
{
        int fds[2];

        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        full_stdout(fds);
}

Test(mainlog, says_once_that_stdout_is_broken)
{
        int fds[2];

        signal(SIGPIPE, SIG_DFL);
        cr_assert_eq(pipe(fds), 0);
        stdout_is(fds[1]);
        close(fds[0]);
        for (int i = 0; i < 3; i++)
                SAY(LVL_INFO, "line %d", i);
        stdout_back();
        cr_expect(lines_are("sd.log",
                            "INFO line 0\nWARN cannot write to stdout, no more lines go there: "
                            "Broken pipe\nINFO line 1\nINFO line 2\n"));
        close(fds[1]);
}

Test(mainlog, lives_on_without_a_stdout)
{
        make();
        fflush(stdout);
        saved_stdout = dup(1);
        close(1);
        conf.to_stdout = true;
        cr_expect(mainlog_configure(m, &conf, &rig.err));
        SAY(LVL_INFO, "line");
        dup2(saved_stdout, 1);
        cr_expect(lines_are("sd.log", "WARN no copy of this log on stdout: open /dev/stdout: Bad "
                                      "file descriptor\nINFO line\n"));
}

Test(mainlog, may_be_stdout_itself)
{
        int fds[2];
        char text[256] = "";

        cr_assert_eq(pipe(fds), 0);
        fflush(stdout);
        saved_stdout = dup(1);
        dup2(fds[1], 1);
        conf.path = "/dev/stdout";
        conf.maxbytes = 10;
        make();
        SAY(LVL_INFO, "hello");
        mainlog_reopen(m);
        cr_expect(mainlog_clear(m, &rig.err));
        stdout_back();
        cr_expect_gt(read(fds[0], text, sizeof text - 1), 24);
        cr_expect_str_eq(text + 24, "INFO hello\n");
}
