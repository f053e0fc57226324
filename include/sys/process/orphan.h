/* Workers of a daemon that is gone: processes that are not our children. They are held by a pidfd,
 * which becomes readable when they end; how they ended is asked where it is still known. */
#ifndef SYS_PROCESS_ORPHAN_H
#define SYS_PROCESS_ORPHAN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "sys/sys.h"

/* The pid and when it was started, in clock ticks since the boot; the previous instance may only
 * have known a span. */
struct orphan {
        pid_t pid;
        uint64_t start_low, start_high;
};

/* Ticks of the present moment, as /proc/PID/stat counts them. No system call where there is a
 * vDSO. */
uint64_t orphan_ticks_now(void);

enum orphan_found {
        ORPHAN_GONE,  /* no such pid, or it is another process's by now */
        ORPHAN_LIVES, /* *pidfd_out holds it */
        ORPHAN_ENDED, /* the same, but it is a zombie */
        /* It may live and cannot be held, or not be looked at (errno): a sandbox, no
         * descriptors or memory. */
        ORPHAN_REFUSED
};

/* Start times are compared after the pidfd is open: from then on the number cannot change hands.
 * Fills in the exact start time. *parent_out: its parent. */
enum orphan_found orphan_hold(struct sys *s, struct orphan *o, int *pidfd_out, pid_t *parent_out);

enum orphan_end { END_KNOWN, END_UNKNOWN, END_ASK_LATER /* a zombie that we may not look at */ };

/* The pidfd is readable: how did it end? *status_out as from waitpid. The zombie's stat while it is
 * one, PIDFD_GET_INFO (Linux 6.15) once it is reaped. */
enum orphan_end orphan_end(struct sys *s, const struct orphan *o, int pidfd, int *status_out);

/* It has ended, or its end has begun: nothing can be opened by it any more. */
bool orphan_is_ending(struct sys *s, pid_t pid);

/* A copy of the listening socket that it has as this descriptor (Linux 5.6). -1: errno. */
int orphan_socket(struct sys *s, const struct orphan *o, int number);

#endif
