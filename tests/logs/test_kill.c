/* SIGKILL at any moment: a successor on the same pipe and files loses no byte, writes none twice,
 * and tears no line. */
#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "subject.h"

#define KILLS 250
#define LINES 1800000

static char dir[64];
static int ends[2];

static void setup_kill(void)
{
        strcpy(dir, "/tmp/logs-kill-XXXXXX");
        cr_assert(mkdtemp(dir));
        cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
        signal(SIGPIPE, SIG_IGN);
}

static void teardown_kill(void)
{
        char path[512];
        DIR *d = opendir(dir);

        for (struct dirent *e = readdir(d); e; e = readdir(d)) {
                snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
                unlink(path);
        }
        closedir(d);
        rmdir(dir);
}

static int paint(int i, char *line)
{
        return sprintf(line, "%08d %.*s\n", i, i % 90,
                       "the quick brown fox jumps over the lazy dog, again and again and again, "
                       "until it is bored of it");
}

static pid_t start_writer(void)
{
        char line[256];
        pid_t pid = fork();

        if (pid)
                return pid;
        for (int i = 0; i < LINES; i++) {
                int n = paint(i, line), done = 0;
                while (done < n) {
                        ssize_t w = write(ends[1], line + done, (size_t)(n - done));
                        if (w < 0)
                                _exit(1);
                        done += (int)w;
                }
        }
        _exit(0);
}

static void tell_nothing(struct log *l, enum log_level level, const char *text, size_t len)
{
        (void)l, (void)level, (void)text, (void)len;
}

static bool is_through;

static void on_end(void *arg, void *owner, bool is_stderr)
{
        (void)arg, (void)owner, (void)is_stderr;
        is_through = true;
}

/* A supervisor as far as logs are concerned. */
static pid_t start_logs(bool to_the_end)
{
        static struct log log = { .level = LVL_ERROR, .write = tell_nothing };
        const struct logs_news news = { .on_finished = on_end };
        char path[128];
        struct err e = { 0 };
        pid_t pid = fork();

        if (pid)
                return pid;
        close(ends[1]);
        snprintf(path, sizeof path, "%s/o", dir);
        struct stream_conf c = { .process = "p", .path = path, .maxbytes = 700000, .backups = 200 };
        struct ev_loop *loop = ev_loop_new(EVFLAG_NOENV);
        struct logs *l = logs_new(loop, sys_real(), &log, &news);
        if (!l || !logs_run(l, NULL, &e))
                _exit(2);
        struct stream *one = stream_new(l, &c, NULL, &e);
        if (!one || !stream_attach(one, ends[0], NULL, &e))
                _exit(3);
        if (to_the_end)
                stream_finish(one);
        ev_ref(loop);
        while (!is_through)
                ev_run(loop, EVRUN_ONCE);
        stream_free(one);
        logs_free(l);
        _exit(0);
}

static int random_us(int least, int most)
{
        return least + rand() % (most - least);
}

static int check_file(int number, int next)
{
        char path[128], want[256], got[256];

        snprintf(path, sizeof path, number ? "%s/o.%d" : "%s/o", dir, number);
        FILE *f = fopen(path, "r");
        if (!f)
                return next;
        while (fgets(got, sizeof got, f)) {
                paint(next, want);
                cr_assert_str_eq(got, want, "%s", path);
                next++;
        }
        fclose(f);
        return next;
}

TestSuite(killed, .init = setup_kill, .fini = teardown_kill);

Test(killed, loses_nothing_doubles_nothing_and_tears_nothing, .timeout = 120)
{
        int kills = 0, status, next = 0;
        pid_t writer = start_writer();
        bool done = false;

        srand((unsigned)time(NULL));
        while (!done && kills < KILLS) {
                pid_t logs = start_logs(false);
                usleep((useconds_t)random_us(300, 6000));
                kill(logs, SIGKILL);
                waitpid(logs, &status, 0);
                kills += WIFSIGNALED(status);
                done = waitpid(writer, &status, WNOHANG) == writer;
        }
        pid_t logs = start_logs(false);
        if (!done)
                waitpid(writer, &status, 0);
        cr_assert_eq(WEXITSTATUS(status), 0);
        kill(logs, SIGKILL);
        waitpid(logs, &status, 0);
        logs = start_logs(true);
        close(ends[1]);
        waitpid(logs, &status, 0);
        cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%d", status);
        for (int number = 200; number >= 0; number--)
                next = check_file(number, next);
        cr_expect_eq(next, LINES);
        cr_log_info("%d kills", kills);
        cr_expect_geq(kills, 100, "%d", kills);
}
