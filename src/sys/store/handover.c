/* What one image of the daemon leaves to the next over exec, and the way back when the next one
 * does not come up. Descriptors lose close-on-exec right before exec only, and get it back when
 * exec fails. */
#include "sys/store/handover.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fault_point.h"
#include "base/fd.h"
#include "base/unconst.h"

#define FD_MARK   "fd:"   /* the value of a descriptor begins so */
#define PIPE_MARK "pipe:" /* the name of one that has to be that pipe */

/* ---- items */

bool handover_put(struct strlist *items, const char *name, const char *value)
{
        AUTO_BUF item = BUF_INIT;

        if (strpbrk(name, "=\n") || strchr(value, '\n'))
                return false;
        buf_printf(&item, "%s=%s", name, value);
        return !item.failed && strlist_add(items, buf_str(&item));
}

bool handover_put_fd(struct strlist *items, const char *name, int fd)
{
        char value[24];

        snprintf(value, sizeof value, FD_MARK "%d", fd);
        return handover_put(items, name, value);
}

/* -1: it is a word. */
static int fd_of(const char *item)
{
        const char *value = strchr(item, '=');

        if (!value || strncmp(value + 1, FD_MARK, sizeof FD_MARK - 1) != 0)
                return -1;
        return (int)strtol(value + sizeof FD_MARK, NULL, 10);
}

static int compare_name(const char *item, const char *name)
{
        size_t len = strlen(name);
        int c = strncmp(item, name, len);

        return c ? c : item[len] - '=';
}

/* Sorted as whole strings: what begins with "name=" stands together. */
static char *handover_find(const struct handover *h, const char *name)
{
        AUTO_BUF key = BUF_INIT;
        size_t low = 0, high = h->items.count;

        buf_printf(&key, "%s=", name);
        if (key.failed)
                return NULL;
        while (low < high) {
                size_t mid = low + (high - low) / 2;
                if (strcmp(h->items.items[mid], key.data) < 0)
                        low = mid + 1;
                else
                        high = mid;
        }
        if (low < h->items.count && compare_name(h->items.items[low], name) == 0)
                return h->items.items[low];
        return NULL;
}

const char *handover_word(const struct handover *h, const char *name)
{
        const char *item = handover_find(h, name);

        return item ? strchr(item, '=') + 1 : NULL;
}

bool handover_has(const struct handover *h, const char *name)
{
        const char *item = h ? handover_find(h, name) : NULL;

        return item && fd_of(item) >= 0;
}

/* The name stays, so that the list can be gone back to. */
static void mark_taken(char *item)
{
        strchr(item, '=')[1] = '-';
}

int handover_fd(struct handover *h, const char *name)
{
        char *item = h ? handover_find(h, name) : NULL;
        int fd = item ? fd_of(item) : -1;

        if (fd >= 0)
                mark_taken(item);
        return fd;
}

/* ---- the new image's side */

static bool handover_parse(struct handover *h, char *text)
{
        for (char *line = text, *end; *line; line = end) {
                end = line + strcspn(line, "\n");
                if (*end)
                        *end++ = '\0';
                if (strchr(line, '=') && !strlist_add(&h->items, line))
                        return false;
        }
        strlist_sort(&h->items);
        return true;
}

void handover_mask(const struct handover *h, sigset_t *mask)
{
        const char *text = handover_word(h, "mask");
        uint64_t blocked = text ? strtoull(text, NULL, 16) : 0;

        if (!text)
                return;
        sigemptyset(mask);
        for (int sig = 1; sig < 64; sig++)
                if (blocked >> (sig - 1) & 1)
                        sigaddset(mask, sig);
}

void handover_nofile(const struct handover *h, struct rlimit *nofile)
{
        const char *text = handover_word(h, "nofile");
        char *end;

        if (!text)
                return;
        rlim_t soft = (rlim_t)strtoull(text, &end, 10);
        if (*end == ':')
                *nofile = (struct rlimit){ soft, (rlim_t)strtoull(end + 1, NULL, 10) };
}

/* Where it is gone, what is named relative to it is, too. */
void handover_chdir(const struct handover *h)
{
        const char *cwd = handover_word(h, "cwd");

        if (cwd && chdir(cwd) < 0)
                return;
}

static char *handover_slurp(int fd)
{
        struct stat st;
        char *text = NULL;

        if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
            (text = calloc(1, (size_t)st.st_size + 1)) &&
            pread(fd, text, (size_t)st.st_size, 0) != st.st_size) {
                free(text);
                text = NULL;
        }
        return text;
}

/* A child that inherited the variable is not meant. */
static bool is_ours(const struct handover *h)
{
        const char *pid = handover_word(h, "pid");

        return pid && strtol(pid, NULL, 10) == (long)getpid();
}

/* Is this still what it was when it was listed? */
static bool is_as_listed(const char *item, int fd)
{
        struct stat st;
        bool is_pipe = strncmp(item, PIPE_MARK, strlen(PIPE_MARK)) == 0;
        uint64_t inode = is_pipe ? strtoull(item + strlen(PIPE_MARK), NULL, 10) : 0;

        return fstat(fd, &st) == 0 && (!is_pipe || (S_ISFIFO(st.st_mode) && st.st_ino == inode));
}

static bool is_handed_over(const struct handover *h, int fd)
{
        bool found = fd == h->list;

        for (size_t i = 0; i < h->items.count && !found; i++)
                found = fd_of(h->items.items[i]) == fd;
        return found;
}

/* The old image's log thread went on until the exec: meanwhile it may have closed a pipe. The
 * number is free then and soon one of ours, or it is another file's: the list's own, perhaps.
 */
static void handover_take_over(struct handover *h, char *item)
{
        int fd = fd_of(item);

        if (is_as_listed(item, fd)) {
                fd_cloexec(fd, true);
                return;
        }
        mark_taken(item);
        if (!is_handed_over(h, fd))
                close(fd);
}

bool handover_read(struct handover *h)
{
        const char *value = getenv(HANDOVER_ENV);

        *h = (struct handover){ .list = -1 };
        if (!value)
                return false;
        int list = (int)strtol(value, NULL, 10);
        h->came_back = strstr(value, ":back") != NULL;
        unsetenv(HANDOVER_ENV);
        char *text = list > 2 ? handover_slurp(list) : NULL;
        bool ok = text && handover_parse(h, text) && is_ours(h);
        free(text);
        if (!ok) {
                strlist_release(&h->items);
                return false;
        }
        h->list = list;
        fd_cloexec(list, true);
        for (size_t i = 0; i < h->items.count; i++)
                if (fd_of(h->items.items[i]) >= 0)
                        handover_take_over(h, h->items.items[i]);
        return true;
}

void handover_release(struct handover *h)
{
        strlist_release(&h->items);
        strlist_release(&h->names);
        if (h->list >= 0)
                fd_close(&h->list);
        h->list = -1;
}

/* ---- the old image's side */

bool handover_put_start(struct strlist *items, const sigset_t *mask, const struct rlimit *nofile,
                        const char *cwd)
{
        uint64_t blocked = 0;
        char text[64];

        for (int sig = 1; sig < 64; sig++)
                if (sigismember(mask, sig) == 1)
                        blocked |= UINT64_C(1) << (sig - 1);
        snprintf(text, sizeof text, "%" PRIx64, blocked);
        if (!handover_put(items, "mask", text))
                return false;
        snprintf(text, sizeof text, "%llu:%llu", (unsigned long long)nofile->rlim_cur,
                 (unsigned long long)nofile->rlim_max);
        return handover_put(items, "nofile", text) &&
               (strchr(cwd, '\n') || handover_put(items, "cwd", cwd));
}

bool handover_pipe_reads(int fd)
{
        return (fcntl(fd, F_GETFL) & O_ACCMODE) != O_WRONLY;
}

void handover_pipe_name(char *out, size_t size, unsigned long long inode, bool reads)
{
        snprintf(out, size, PIPE_MARK "%llu:%c", inode, reads ? 'r' : 'w');
}

bool handover_put_pipes(struct strlist *items, bool (*wanted)(void *arg, unsigned long long inode),
                        void *arg)
{
        DIR *dir = opendir("/proc/self/fd");
        bool fine = dir != NULL;
        struct dirent *d;

        while (fine && (d = readdir(dir))) {
                char name[64];
                struct stat st;
                int fd = (int)strtol(d->d_name, NULL, 10);
                if (fd < 3 || fd == dirfd(dir) || fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode) ||
                    !wanted(arg, st.st_ino))
                        continue;
                handover_pipe_name(name, sizeof name, st.st_ino, handover_pipe_reads(fd));
                fine = handover_put_fd(items, name, fd);
        }
        if (dir)
                closedir(dir);
        return fine;
}

static void keep_open(const struct strlist *items, bool on)
{
        for (size_t i = 0; i < items->count; i++)
                if (fd_of(items->items[i]) >= 0)
                        fd_cloexec(fd_of(items->items[i]), !on);
}

static int write_list(const struct strlist *items, struct err *e)
{
        AUTO_BUF text = BUF_INIT;
        AUTO_FD fd = memfd_create("handover", 0);

        for (size_t i = 0; i < items->count; i++)
                buf_printf(&text, "%s\n", items->items[i]);
        if (text.failed) {
                err_nomem(e);
                return -1;
        }
        if (fd < 0 || !fd_write_all(fd, buf_str(&text), text.len)) {
                err_set(e, ERR_SYS, "write down what is handed over");
                return -1;
        }
        return fd_take(&fd);
}

/* With the same arguments, under its own name, the old image can be gone back to. */
static bool handover_put_own(struct strlist *items, const char *own, const char *path,
                             char *const *argv, int image)
{
        char pid[16], name[32];

        for (int i = 0; argv[i]; i++) {
                snprintf(name, sizeof name, "arg%d", i);
                if (!handover_put(items, name, argv[i]))
                        return false;
        }
        snprintf(pid, sizeof pid, "%d", (int)getpid());
        return handover_put(items, "own", own ? own : path) && handover_put(items, "pid", pid) &&
               handover_put_fd(items, "image", image) && handover_put(items, "binary", path);
}

bool handover_exec(const char *own, const char *path, char *const *argv,
                   const struct strlist *items, struct err *e)
{
        AUTO_STRLIST all = STRLIST_INIT;
        AUTO_FD image = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        char number[16];

        if (image < 0)
                return err_set(e, ERR_SYS, "open our own image");
        if (!strlist_copy(&all, items) || !handover_put_own(&all, own, path, argv, image))
                return err_nomem(e);
        AUTO_FD list = write_list(&all, e);
        if (list < 0)
                return false;
        snprintf(number, sizeof number, "%d", list);
        if (setenv(HANDOVER_ENV, number, 1) < 0)
                return err_nomem(e);
        keep_open(&all, true);
        signal(SIGALRM, SIG_DFL);
        alarm(HANDOVER_LIMIT_S); /* survives: an image that never gets as far as handover_watch */
        fault_point("upgrade.exec");
        execv(path, argv);
        err_set(e, ERR_SYS, "execute %s", path);
        alarm(0);
        signal(SIGALRM, SIG_IGN);
        keep_open(&all, false);
        unsetenv(HANDOVER_ENV);
        return false;
}

/* ---- back again */

/* Laid out beforehand and the only state of this kind, because a signal handler has nothing else to
 * go by. */
static struct {
        int list, image;
        int *fds; /* owned */
        size_t count;
        pid_t self; /* a child that shares our memory has the handlers, too */
        char variable[sizeof HANDOVER_ENV + 32];
        char **argv;       /* owned array, borrowed strings */
        const char **envp; /* owned array */
} back = { .list = -1, .image = -1 };

static void go_back(void)
{
        if (back.image < 0)
                return;
        for (size_t i = 0; i < back.count; i++)
                fcntl(back.fds[i], F_SETFD, 0);
        fcntl(back.list, F_SETFD, 0);
        fexecve(back.image, back.argv, unconst(back.envp));
}

/* Too late, or a crash. */
static const int failures[] = { SIGALRM, SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE };

static void on_failure(int sig)
{
        if (getpid() == back.self)
                go_back();
        if (sig == SIGALRM)
                _exit(1); /* the workers live on, and the next instance adopts them */
        /* a crash happens once more, and then it counts */
}

/* SA_NODEFER: what is blocked during the handler would stay so in the old image. */
static void watch_failures(void)
{
        struct sigaction act = { .sa_handler = on_failure, .sa_flags = SA_NODEFER | SA_RESETHAND };
        sigset_t wanted;

        sigemptyset(&act.sa_mask);
        sigemptyset(&wanted);
        for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
                sigaction(failures[i], &act, NULL);
                sigaddset(&wanted, failures[i]);
        }
        sigprocmask(SIG_UNBLOCK, &wanted, NULL);
}

void handover_go_back(void)
{
        go_back();
}

static bool lay_out_args(const struct handover *h)
{
        size_t count = 0;
        char name[32];

        back.argv = calloc(h->items.count + 1, sizeof *back.argv);
        for (; back.argv && count < h->items.count; count++) {
                snprintf(name, sizeof name, "arg%zu", count);
                back.argv[count] = unconst(handover_word(h, name));
                if (!back.argv[count])
                        break;
        }
        const char *own = handover_word(h, "own");
        if (own && back.argv && back.argv[0])
                back.argv[0] = unconst(own);
        return back.argv && back.argv[0];
}

static bool lay_out(struct handover *h)
{
        size_t count = 0;

        while (environ[count])
                count++;
        back.fds = calloc(h->items.count + 1, sizeof *back.fds);
        back.envp = calloc(count + 2, sizeof *back.envp);
        if (!back.fds || !back.envp || !lay_out_args(h))
                return false;
        for (size_t i = 0; i < h->items.count; i++)
                if (fd_of(h->items.items[i]) >= 0)
                        back.fds[back.count++] = fd_of(h->items.items[i]);
        memcpy(back.envp, environ, count * sizeof *back.envp);
        snprintf(back.variable, sizeof back.variable, HANDOVER_ENV "=%d:back", h->list);
        back.envp[count] = back.variable;
        back.list = h->list;
        return true;
}

void handover_watch(struct handover *h, unsigned limit_s)
{
        if (h->came_back || !lay_out(h))
                return;
        back.image = handover_fd(h, "image");
        back.self = getpid();
        watch_failures();
        alarm(limit_s);
}

static void forget_the_way_back(void)
{
        alarm(0);
        for (size_t i = 0; i < sizeof failures / sizeof *failures; i++)
                signal(failures[i], failures[i] == SIGALRM ? SIG_IGN : SIG_DFL);
        fd_close(&back.image);
        free(back.fds);
        free(back.envp);
        free(back.argv);
        back.argv = NULL;
        back.fds = NULL;
        back.envp = NULL;
        back.count = 0;
}

void handover_confirmed(struct handover *h)
{
        if (h->list >= 0)
                forget_the_way_back();
        for (size_t i = 0; i < h->items.count; i++)
                if (fd_of(h->items.items[i]) >= 0)
                        close(fd_of(h->items.items[i]));
        handover_release(h);
}
