/* Reads /proc: one process's parent, session, group and start time, its children and environment,
 * and all processes in a table. The table costs a walk over /proc: not to be used for each event.
 */
#include "sys/process/procfs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sanitize.h"
#include "base/vec.h"
#include "sys/process/start_steps.h"

#define COMMAND_BYTES 200

/* Up to size - 1 bytes of /proc/PID/<what>, NUL behind them. -1: no such process. */
static ssize_t read_proc(pid_t pid, const char *what, char *buf, size_t size)
{
        char path[64];
        size_t len = 0;
        ssize_t n = 0;

        snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, what);
        AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -1;
        while (len < size - 1 && (n = read(fd, buf + len, size - 1 - len)) > 0)
                len += (size_t)n;
        buf[len] = '\0';
        return n < 0 ? -1 : (ssize_t)len;
}

/* /proc/PID/stat's fields as proc(5) numbers them, as far as they are asked for. */
enum stat_field {
        STAT_STATE = 3,
        STAT_PPID = 4,
        STAT_PGRP = 5,
        STAT_SESSION = 6,
        STAT_FLAGS = 9,
        STAT_THREADS = 20,
        STAT_START = 22,
        STAT_VSIZE = 23,
        STAT_PENDING = 31,
        STAT_FIELDS
};

#define FLAG_EXITING 4u    /* PF_EXITING of the kernel: set before anything is taken down */
#define FLAG_NO_EXEC 0x40u /* PF_FORKNOEXEC: taken away by exec */

/* The numbers behind the state. */
static bool parse_fields(const char *at, unsigned long long field[STAT_FIELDS])
{
        for (int i = STAT_STATE + 1; i < STAT_FIELDS; i++) {
                char *end;
                field[i] = strtoull(at, &end, 10); /* a negative one keeps its bits */
                if (end == at)
                        return false;
                at = end;
        }
        return true;
}

/* "pid (comm) S ppid pgrp session ..." - comm may hold blanks and brackets, so the last one
 * counts. Of a process that is ending the memory is gone. */
static bool parse_stat(char *text, struct proc_entry *out)
{
        char *open = strchr(text, '('), *close = strrchr(text, ')');
        unsigned long long field[STAT_FIELDS];

        if (!open || !close || close < open || strlen(close) < 4 || !parse_fields(close + 3, field))
                return false;
        out->state = close[2];
        out->pid = (pid_t)strtol(text, NULL, 10);
        out->parent = (pid_t)field[STAT_PPID];
        out->group = (pid_t)field[STAT_PGRP];
        out->session = (pid_t)field[STAT_SESSION];
        out->threads = (int)field[STAT_THREADS];
        out->start_ticks = field[STAT_START];
        out->ending = field[STAT_VSIZE] == 0;
        out->doomed = (field[STAT_FLAGS] & FLAG_EXITING) ||
                      (field[STAT_PENDING] >> (SIGKILL - 1) & 1) || out->state == 'Z' ||
                      out->state == 'X';
        out->status = (int)strtol(strrchr(close, ' '), NULL, 10); /* the last one, field 52 */
        *close = '\0';
        snprintf(out->name, sizeof out->name, "%s", open + 1);
        out->before_exec =
            (field[STAT_FLAGS] & FLAG_NO_EXEC) || strcmp(out->name, STARTER_NAME) == 0;
        return true;
}

bool proc_entry_read(pid_t pid, struct proc_entry *out)
{
        char text[1024];

        return pid > 0 && read_proc(pid, "stat", text, sizeof text) > 0 && parse_stat(text, out);
}

/* ---- lists */

bool pid_list_add(struct pid_list *list, pid_t pid)
{
        if (!vec_grow(list->items, list->count))
                return false;
        list->items[list->count++] = pid;
        return true;
}

static bool procfs_slurp(const char *path, struct buf *out)
{
        AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                return false;
        for (;;) {
                if (!buf_reserve(out, 4096))
                        return false;
                ssize_t n = read(fd, out->data + out->len, 4096);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return false;
                if (n == 0)
                        return true;
                out->len += (size_t)n;
                out->data[out->len] = '\0';
        }
}

static bool procfs_thread_children(pid_t pid, pid_t thread, struct pid_list *list)
{
        char path[64];
        AUTO_BUF text = BUF_INIT;

        snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)thread);
        if (!procfs_slurp(path, &text))
                return false;
        for (char *at = text.data, *end; at; at = end) {
                long child = strtol(at, &end, 10);
                if (end == at)
                        break;
                if (!pid_list_add(list, (pid_t)child)) {
                        errno = ENOMEM;
                        return false;
                }
        }
        return true;
}

/* A child hangs on the thread that forked it, while that one lives. */
bool proc_children(pid_t pid, bool of_threads, struct pid_list *list)
{
        char path[64];
        struct dirent *d;

        if (!of_threads)
                return procfs_thread_children(pid, pid, list);
        snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
        DIR *dir = opendir(path);
        bool fine = dir != NULL;
        while (fine && (d = readdir(dir)))
                if (isdigit((unsigned char)d->d_name[0]))
                        fine =
                            procfs_thread_children(pid, (pid_t)strtol(d->d_name, NULL, 10), list) ||
                            errno == ENOENT || errno == ESRCH; /* that thread has ended */
        if (dir)
                closedir(dir);
        return fine;
}

bool proc_environ(pid_t pid, struct buf *out)
{
        char path[64];

        snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
        return procfs_slurp(path, out);
}

bool proc_may_look(pid_t pid)
{
        char path[64], target[64];

        snprintf(path, sizeof path, "/proc/%d/ns/user", (int)pid);
        return readlink(path, target, sizeof target) > 0;
}

static int procfs_by_pid(const void *a, const void *b)
{
        pid_t x = ((const struct proc_entry *)a)->pid, y = ((const struct proc_entry *)b)->pid;

        return (x > y) - (x < y);
}

bool proc_table_add(struct proc_table *t, const struct proc_entry *entry)
{
        if (!vec_grow(t->items, t->count))
                return false;
        t->items[t->count++] = *entry;
        return true;
}

void proc_table_sort(struct proc_table *t)
{
        if (t->count)
                qsort(t->items, t->count, sizeof *t->items, procfs_by_pid);
}

bool proc_table_read(struct proc_table *t)
{
        DIR *dir = opendir("/proc");
        bool fine = dir != NULL;
        struct dirent *d;

        *t = (struct proc_table){ 0 };
        while (fine && (d = readdir(dir))) {
                struct proc_entry entry;
                if (isdigit((unsigned char)d->d_name[0]) &&
                    proc_entry_read((pid_t)strtol(d->d_name, NULL, 10), &entry))
                        fine = proc_table_add(t, &entry);
        }
        if (dir)
                closedir(dir);
        if (fine)
                proc_table_sort(t);
        else
                proc_table_release(t);
        return fine;
}

void proc_table_release(struct proc_table *t)
{
        free(t->items);
        *t = (struct proc_table){ 0 };
}

const struct proc_entry *proc_table_find(const struct proc_table *t, pid_t pid)
{
        struct proc_entry key = { .pid = pid };

        return t->count ? bsearch(&key, t->items, t->count, sizeof *t->items, procfs_by_pid) : NULL;
}

/* Climb towards init. The table was not taken at one instant, so a pid used again may close a
 * circle: never more steps than there are processes. */
static bool belongs_to(const struct proc_table *t, const struct proc_entry *p, pid_t leader)
{
        for (size_t steps = 0; p && p->pid != leader && steps <= t->count; steps++) {
                if (p->session == leader || p->parent == leader)
                        return true;
                p = proc_table_find(t, p->parent);
        }
        return false;
}

size_t proc_descendants(const struct proc_table *t, pid_t leader, struct proc_entry *out,
                        size_t max)
{
        size_t found = 0;

        for (size_t i = 0; i < t->count; i++) {
                const struct proc_entry *p = &t->items[i];
                if (p->state == 'Z' || p->state == 'X' || !belongs_to(t, p, leader))
                        continue;
                if (found < max)
                        out[found] = *p;
                found++;
        }
        return found;
}

void proc_command(pid_t pid, char *buf, size_t size)
{
        char text[COMMAND_BYTES + 1];
        struct proc_entry entry;
        ssize_t len = read_proc(pid, "cmdline", text, sizeof text);

        if (size == 0)
                return;
        while (len > 0 && text[len - 1] == '\0')
                len--;
        if (len <= 0) {
                snprintf(buf, size, "[%s]", proc_entry_read(pid, &entry) ? entry.name : "?");
                sanitize_bytes(buf, strlen(buf), "");
                return;
        }
        /* It goes into log lines, and a process may call itself what it likes. */
        for (ssize_t i = 0; i < len; i++)
                if (text[i] == '\0')
                        text[i] = ' ';
        sanitize_bytes(text, (size_t)len, "");
        text[len] = '\0';
        snprintf(buf, size, "%s", text);
}
