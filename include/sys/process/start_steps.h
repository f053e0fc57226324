/* The last steps of a start, from a session of its own to exec: they may be stopped by the worker's
 * user or wait for a file system that never answers. They are taken by the starter (a program
 * without a C library, supervisord/starter.c), or where there can be none by a copy of the daemon.
 * So: raw system calls only, no memory, no locks, no C library. */
#ifndef SYS_PROCESS_START_STEPS_H
#define SYS_PROCESS_START_STEPS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

/* sizeof of the kernel's sigset_t, which glibc's is larger than. */
#define SIGSET_BYTES ((_NSIG + 6) / 8)
#define SIGSET_WORDS ((SIGSET_BYTES + 7) / 8)

/* What the starter calls itself until it executes the worker: by that name the next daemon knows a
 * start that has not come to its end. */
#define STARTER_NAME "(supervisord)"

/* Behind 0, 1 and 2: where is said how far it has got. Close-on-exec. */
#define REPORT_FD 3

/* What is said: the step that is about to be taken where one may hang, or (error not 0) where it
 * failed. Exec closes the pipe. */
struct start_report {
        int32_t step; /* enum spawn_step */
        int32_t error;
        int32_t place;
};

/* What of a start is no text: plain bytes, which go to the starter among its arguments. */
struct start_plan {
        uint64_t mask[SIGSET_WORDS];    /* the worker's */
        uint64_t changed[SIGSET_WORDS]; /* signals that are not at their default, by bit */
        uint64_t nofile_cur, nofile_max;
        int32_t parent; /* of one that only finds */
        uint32_t uid, gid;
        int32_t group_count, place_count;
        int32_t umask; /* -1: as it is */
        bool waits, only_finds, change_user, limit_nofile;
        bool looks;  /* for the first place that is there; else the only one is executed as it is */
        bool enters; /* a directory */
        bool inherits; /* there may be descriptors above REPORT_FD */
};

struct start_task {
        struct start_plan plan;
        const void *groups; /* gid_t each, anywhere in memory */
        const char *directory;
        char *const *places;
        char *const *argv, *const *envp;
        int place; /* 0 */
};

/* Ends in the worker's exec, or with a word about why not. */
_Noreturn void start_steps_take(struct start_task *t);

/* A failure, or (error 0) the step that comes next. */
void start_steps_tell(int fd, int step, int error, int place);

/* Bytes as text, which arguments are: twice as long, and a NUL. Decoding may be done in place; it
 * gives the bytes that there were. */
char *plan_encode(const void *bytes, size_t len, char *to);
size_t plan_decode(const char *text, void *to, size_t most);

#endif
