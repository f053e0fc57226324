/* A kernel that does what a test says: a struct sys whose workers are records, whose files are the
 * real ones or live in memory, and where every call can be made to fail.
 *
 *      struct fake_kernel k;
 *      kernel_init(&k);
 *      ... use &k.ops as the struct sys ...
 *      kernel_fail(&k, K_SPAWN, 2, EAGAIN);          the second start from now fails
 *      kernel_say(&k, pid, 1, "hello\n");            the worker writes to its stdout
 *      kernel_end(&k, pid, KERNEL_EXITED(3));        it ends; the next reap sees it
 *      kernel_release(&k);
 */
#ifndef FAKES_KERNEL_H
#define FAKES_KERNEL_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/strlist.h"
#include "sys/process/procfs.h"
#include "sys/sys.h"

#define KERNEL_EXITED(code) (((code)&0xff) << 8)
#define KERNEL_KILLED(sig)  (sig)

enum kernel_call {
        K_SPAWN,
        K_KILL,
        K_REAP,
        K_PIPE,
        K_OPEN,
        K_CLOSE,
        K_READ,
        K_WRITE,
        K_PREAD,
        K_PWRITE,
        K_SPLICE,
        K_FSTAT,
        K_STAT,
        K_FTRUNCATE,
        K_RENAME,
        K_UNLINK,
        K_FCHOWN,
        K_DIAL,
        K_SEND,
        K_PIDFD,
        K_PIDFD_KILL,
        K_ENTRY,
        K_TABLE,
        K_CHILDREN,
        K_ENVIRON,
        K_COUNT
};

struct fake_kernel;

/* One start, as it was asked for. Strings are copies. */
struct fake_child {
        pid_t pid;
        bool alive;  /* false: ended, perhaps not yet reaped */
        bool reaped; /* the end was handed out */
        int status;  /* wait status once it ended */
        int report;  /* until it is known what came of its start; -1 */
        int fds[3];  /* its own copies of 0, 1, 2; -1 once closed */
        char *path, *directory;
        struct strlist argv, envp;
        int umask;
        bool change_user;
        uid_t uid;
        gid_t gid;
        gid_t groups[32];
        int group_count;
        bool waits; /* for spawn_go */
        bool limit_nofile;
        struct rlimit nofile;
        sigset_t mask;
        int last_sig; /* the last signal that it, or its group, was sent; 0: none */
};

/* A process as /proc and its pidfds show it: each start is one, too. Write freely what it is. */
struct fake_process {
        struct proc_entry entry;
        struct buf environ; /* "NAME=value", NUL behind each */
        int fds[3];         /* of one without a fake_child: its own; -1 */
        int lives[2];       /* its pidfds are copies of the one, readable when the other closes */
        int got[65];        /* how often it had each signal */
        unsigned long long due;            /* signals that wait until it goes on after SIGSTOP */
        bool ignores_term, ignores_kill;   /* the one that hangs in the kernel */
        int no_pidfd, no_entry, no_signal; /* errno that these calls fail with; 0: they work */
        bool is_reaped_late;               /* a zombie, although its parent is another one */
        bool hides_status;                 /* we may not look */
        void (*on_signal)(struct fake_kernel *k, struct fake_process *p, int sig);
};

struct fake_kill {
        pid_t pid; /* as given: negative is a group */
        int sig;
        int result; /* 0, or the errno that the caller saw */
};

struct fake_file {
        char *path; /* NULL: unlinked, still open */
        struct buf data;
        mode_t mode;
        uid_t uid;
        gid_t gid;
        ino_t ino;
        int opens;
};

struct fake_open {
        struct fake_file *file; /* NULL: free slot */
        int flags;
        off_t at;
};

struct fake_fault {
        enum kernel_call call;
        long nth;     /* counted down */
        bool every;   /* not once, but each time */
        int error;    /* errno to fail with; 0: shorten instead */
        size_t limit; /* at most so many bytes (reads and writes) */
        bool used;
};

struct fake_kernel {
        struct sys ops; /* first: cast back */

        /* Settings: write them freely. */
        pid_t next_pid;                   /* the next worker's; starts at 1000 */
        bool memory;                      /* every path lives in memory, none on the disk */
        bool obeys_term, obeys_kill;      /* workers end by themselves on SIGTERM, SIGKILL */
        bool hold_reaps;                  /* exits are held back, and reap reports "nothing" */
        bool newest_first;                /* ends are handed out in reverse order */
        enum spawn_step spawn_fails_step; /* what a failed K_SPAWN names; STEP_CLONE by default */
        bool disk_is_slow;                /* stat_cached never knows */
        bool spawn_takes_time;            /* what comes of a start is known with kernel_started */

        /* Records: read them freely. */
        long calls[K_COUNT]; /* how often each was called, failures included */
        struct fake_child **children;
        size_t child_count;
        struct fake_kill *kills;
        size_t kill_count;
        struct fake_process **processes; /* init and the daemon first */
        size_t process_count;
        struct fake_file **files;
        size_t file_count;

        /* Inner state. */
        struct fake_open *opens;
        size_t open_count;
        struct fake_fault faults[64];
        size_t fault_count;
        struct {
                pid_t pid;
                int status;
        } * ends; /* queue of what reap hands out */
        size_t end_count;
        ino_t next_ino;
};

void kernel_init(struct fake_kernel *k);
void kernel_release(struct fake_kernel *k);

/* The nth call from now (1: the next) fails once with this errno; nth 0: every one from now on,
 * until kernel_mend. */
void kernel_fail(struct fake_kernel *k, enum kernel_call call, long nth, int error);
/* The nth K_READ, K_PREAD, K_WRITE, K_PWRITE or K_SPLICE from now moves at most `limit` bytes; nth
 * 0: every one. */
void kernel_shorten(struct fake_kernel *k, enum kernel_call call, long nth, size_t limit);
void kernel_mend(struct fake_kernel *k, enum kernel_call call); /* forget its failures */

/* Workers. NULL: no such pid was ever started (the newest one with that pid otherwise). */
struct fake_child *kernel_child(struct fake_kernel *k, pid_t pid);
struct fake_child *kernel_newest(struct fake_kernel *k);
/* Any process that is there, a zombie too; NULL: none. */
struct fake_process *kernel_process(struct fake_kernel *k, pid_t pid);
/* One that this one forks: in its session, with its environment and no descriptors. */
struct fake_process *kernel_fork(struct fake_kernel *k, pid_t parent);
void kernel_setsid(struct fake_process *p);
void kernel_environ(struct fake_process *p, const char *name, const char *value);
void kernel_signal(struct fake_kernel *k, struct fake_process *p, int sig);

/* Those that live when the daemon does not: they are init's children in the kernel of the next
 * instance, or stay ours where that is another image of the same process. */
struct fake_survivors {
        struct fake_process **items; /* owned until kernel_go_on */
        size_t count;
};
struct fake_survivors kernel_survivors(struct fake_kernel *k);
void kernel_go_on(struct fake_kernel *k, struct fake_survivors *those, bool same_process);

/* It ends: its descriptors close, the end waits to be reaped. Any pid will do: one that was never
 * started plays an adopted orphan. */
void kernel_end(struct fake_kernel *k, pid_t pid, int status);
/* A start that takes time is executed, or (error not 0) fails at that step; its end is
 * kernel_end's. */
void kernel_started(struct fake_kernel *k, pid_t pid, enum spawn_step step, int error);
/* Another end for a pid that reap has handed out already, or has not: duplicates and lies. */
void kernel_queue_end(struct fake_kernel *k, pid_t pid, int status);
/* The worker writes to its 1 or 2 (false: the pipe is full, or gone), or reads its 0 (-1: errno;
 * never waits). */
bool kernel_say(struct fake_kernel *k, pid_t pid, int fd, const char *text);
ssize_t kernel_hear(struct fake_kernel *k, pid_t pid, char *data, size_t size);

/* How many kills were sent so far with this pid (as given) and this signal. */
size_t kernel_kills(const struct fake_kernel *k, pid_t pid, int sig);
int kernel_last_sig(const struct fake_kernel *k); /* 0: none was ever sent */

/* A file in memory, whether or not `memory` is on: replaces what was there. mode with its type
 * (S_IFREG | 0755); without one a regular file is meant. NULL: no memory. */
struct fake_file *kernel_file(struct fake_kernel *k, const char *path, const char *text,
                              mode_t mode);
/* What is in it, NULL: no such file in memory. Borrowed. */
const char *kernel_text(struct fake_kernel *k, const char *path);

/* Between the two files of this fake: how every operation begins (false: it fails, errno is set;
 * *len, which may be NULL, is shortened), room for one more in an array, the file operations. */
bool kernel_enter(struct fake_kernel *k, enum kernel_call call, size_t *len);
bool kernel_grow(void **items, size_t count, size_t size);
void kernel_files_init(struct sys *ops);
void kernel_processes_init(struct fake_kernel *k);
void kernel_processes_release(struct fake_kernel *k);
void kernel_process_born(struct fake_kernel *k, const struct fake_child *c);
void kernel_process_end(struct fake_kernel *k, pid_t pid, int status);
void kernel_process_reaped(struct fake_kernel *k, pid_t pid);

#endif
