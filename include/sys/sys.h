/* The kernel, behind one table of operations, so that engine/ and logs/ can be tested on one that
 * refuses, delays and reorders. Each call has the meaning and the errno of the system call it is
 * named after; only what supervision needs is here. */
#ifndef SYS_SYS_H
#define SYS_SYS_H

#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/err.h"

/* Where a start failed. */
enum spawn_step {
        STEP_NONE,
        STEP_CLONE,
        STEP_FILES,
        STEP_SESSION,
        STEP_DUP,
        STEP_FIND,
        STEP_DIRECTORY,
        STEP_LIMITS,
        STEP_GROUPS,
        STEP_GID,
        STEP_UID,
        STEP_SIGNALS,
        STEP_EXEC,
        STEP_COUNT
};
const char *spawn_step_word(enum spawn_step s); /* "change to the directory", "execute", ... */

/* Everything a child needs, worked out beforehand. All borrowed. */
struct launch {
        const char *path; /* the file to execute; NULL: see places */
        /* NULL-terminated: the first of them that is there is executed. The child looks, with our
         * ids and in our directory: a path may lead to a file system that never answers. */
        char *const *places;
        /* Nothing is looked for or executed before spawn_go, or before the daemon has ended. */
        bool waits;
        bool only_finds; /* among them, executes nothing and ends: EXECUTED says that it is there */
        char *const *argv, *const *envp;
        const char *directory; /* NULL: stay */
        int umask;             /* -1: inherit */
        int fds[3];            /* become 0, 1, 2; the caller keeps and closes them */
        bool change_user;
        uid_t uid;
        gid_t gid;
        const gid_t *groups;
        int group_count;
        bool limit_nofile;
        struct rlimit nofile; /* what the worker gets when limit_nofile */
        const sigset_t *mask; /* the worker's signal mask; NULL: nothing is blocked */
        /* The path is /proc/self/exe, which is us in a copy of this process only. */
        bool own_program;
        /* Called first thing in the child, with our memory or a copy of it and with all of our
         * descriptors: plain stores only, into what is mapped shared. NULL: not wanted. */
        void (*born)(void *arg, pid_t self);
        void *born_arg;
};

struct spawned {
        pid_t pid;
        enum spawn_step step; /* where it failed, or the last that is known to be begun */
        int error;            /* errno where it failed */
        int place;            /* of STEP_FIND: which of the places cannot be executed */
        int report; /* owned: readable when there is news, until spawn_drop; -1: it is executed */
};

enum spawn_progress { SPAWN_UNDER_WAY, SPAWN_EXECUTED, SPAWN_FAILED };

struct sys;
struct buf;
struct pid_list;
struct proc_entry;
struct proc_table;

/* Processes by their number, children of ours or not: what pidfds and /proc tell. Where the result
 * is a truth value, false means errno; sys/process/procfs.h says what each look at /proc tells. */
struct sys_process {
        int (*pidfd)(struct sys *s, pid_t pid); /* pidfd_open(2): closed on exec */
        int (*pidfd_kill)(struct sys *s, int pidfd, int sig);
        /* How it ended, once it is reaped (PIDFD_GET_INFO, Linux 6.15). False: cannot be told. */
        bool (*pidfd_status)(struct sys *s, int pidfd, int *status_out);
        int (*pidfd_getfd)(struct sys *s, int pidfd, int number); /* closed on exec */
        bool (*entry)(struct sys *s, pid_t pid, struct proc_entry *out);
        bool (*table)(struct sys *s, struct proc_table *out);
        bool (*children)(struct sys *s, pid_t pid, bool of_threads, struct pid_list *list);
        bool (*environ)(struct sys *s, pid_t pid, struct buf *out);
        void (*command)(struct sys *s, pid_t pid, char *buf, size_t size);
        bool (*may_look)(struct sys *s, pid_t pid);
        /* An end of a pipe that it has, opened anew through /proc/PID/fd: the descriptor `number`,
         * or whichever refers to the pipe with this inode. -1: errno; ENOENT: it does not hold the
         * pipe any more. */
        int (*pipe_of)(struct sys *s, pid_t pid, int number, ino_t pipe, int flags);
};

struct sys {
        const struct sys_process *process;
        void *arg; /* of a fake; NULL in the real one */
        /* Where the kernel writes an end down in the very call that reaps it: after a kill
         * it is there. Borrowed; NULL: nowhere. */
        siginfo_t *end;
        /* Why each start copies this process, which costs more (sys/process/spawn.h); "": it does
         * not, or there was none yet. */
        const char *why_copied;

        /* Begin a start; the child leads its own session. Nothing is waited for: how far it has got
         * says spawn_look. False: there is no child; out->step and error. */
        bool (*spawn)(struct sys *s, const struct launch *l, struct spawned *out);
        /* EXECUTED also when it has ended before that, without a word. FAILED: st->step and error;
         * the child ends by itself and has to be reaped. Asked again, it says the same. */
        enum spawn_progress (*spawn_look)(struct sys *s, struct spawned *st);
        void (*spawn_go)(struct sys *s, const struct spawned *st); /* of one that waits */
        void (*spawn_drop)(struct sys *s, struct spawned *st);     /* its report is closed */
        int (*kill)(struct sys *s, pid_t pid, int sig);            /* pid < 0: the group */
        /* waitpid(-1, ..., WNOHANG), and `end` above: pid, 0 nothing, -1 errno. */
        pid_t (*reap)(struct sys *s, int *status_out);
        /* The same for one child: does not walk over the others. */
        pid_t (*reap_one)(struct sys *s, pid_t pid, int *status_out);
        /* No process has this number, and none is in a session or process group called by it: its
         * leader is reaped and has left nothing in it. A look-up in the kernel's table of numbers,
         * whatever the size of the machine. False: a process is left, or it cannot be told. */
        bool (*number_is_free)(struct sys *s, pid_t pid);
        int (*pipe)(struct sys *s,
                    int fds[2]); /* O_CLOEXEC; reading end O_NONBLOCK is the caller's */

        int (*open)(struct sys *s, const char *path, int flags,
                    mode_t mode); /* O_CLOEXEC is added */
        /* What may lie in another user's directory: guarded_open and guarded_stat
         * (sys/store/guarded.h), as rename and unlink below are the guarded ones. */
        int (*open_file)(struct sys *s, const char *path, uid_t owner, int flags, mode_t mode,
                         struct stat *out, struct err *e);
        int (*stat_file)(struct sys *s, const char *path, struct stat *out);
        int (*close)(struct sys *s, int fd);
        ssize_t (*read)(struct sys *s, int fd, void *data, size_t len);
        ssize_t (*write)(struct sys *s, int fd, const void *data, size_t len);
        ssize_t (*pread)(struct sys *s, int fd, void *data, size_t len, off_t at);
        ssize_t (*pwrite)(struct sys *s, int fd, const void *data, size_t len, off_t at);
        /* From a pipe to that place of a file, without waiting: each byte is in the one or in the
         * other, whenever a kill comes. */
        ssize_t (*splice)(struct sys *s, int pipe, int fd, off_t at, size_t len);
        int (*fstat)(struct sys *s, int fd, struct stat *out);
        int (*stat)(struct sys *s, const char *path, struct stat *out);
        /* The same from what the kernel remembers, without waiting for any file system; only the
         * type and mode are filled in. EAGAIN: that is not enough to say. */
        int (*stat_cached)(struct sys *s, const char *path, struct stat *out);
        int (*ftruncate)(struct sys *s, int fd, off_t size);
        int (*rename)(struct sys *s, const char *from, const char *to);
        int (*unlink)(struct sys *s, const char *path);
        int (*fchown)(struct sys *s, int fd, uid_t uid, gid_t gid);
        /* A non-blocking datagram socket connected to the one at that path; -1: errno. */
        int (*dial)(struct sys *s, const char *path);
        ssize_t (*send)(struct sys *s, int fd, const void *data, size_t len); /* never SIGPIPE */
};

/* What waitpid(2) says where waitid(2) says this. */
int sys_wait_status(const siginfo_t *end);

/* The one real kernel; not to be freed. The first call holds four low descriptor numbers for the
 * starts to come (sys/process/spawn.h): make it the first thing in main, before anything is opened.
 */
struct sys *sys_real(void);

#endif
