/* One supervised process, and the machine that decides what becomes of it.
 *
 * Facts go in (an order, a death, a deadline, a verdict), work comes out (DO_*). Judgement ("too
 * early?", "expected exit code?", "once too often?") turns a fact into an event before the matrix;
 * one matrix of state x event holds every transition; only process_feed writes `state`. Nothing
 * here makes a system call, allocates in the steady state, or reads a clock.
 *
 * States and numbers: compat 12. Back-off, restart limit, health: supervisord.conf(5). */
#ifndef MODEL_UNIT_PROCESS_H
#define MODEL_UNIT_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/heap.h"
#include "model/config/program.h"
#include "model/unit/health.h"

/* Inner states; what people see is process_shown. PS_NONE is no state: an empty cell of the matrix.
 */
enum __attribute__((packed)) pstate {
        PS_NONE,
        PS_STOPPED,
        PS_STARTING,
        PS_RUNNING,
        PS_BACKOFF,
        PS_STOPPING, /* asked to stop by an order */
        PS_EXITED,   /* ended by itself, and stays so */
        PS_FATAL,
        PS_UNKNOWN,
        PS_RESPAWN,    /* ended by itself and will be started again at due_ms: shown as EXITED */
        PS_RESTARTING, /* stopping, to be started again after: shown as STOPPING */
        PS_RETIRING, /* stopping, to be forgotten after (scale down, removal): shown as STOPPING */
        PS_SICK,     /* stopping because unhealthy; then as after a crash: shown as STOPPING */
        PS_LATE,     /* stopping because it did not become ready; then BACKOFF: shown as STOPPING */
        PS_GONE,     /* retired and ended: to be freed. Shown as STOPPED */
        PS_WAITING,  /* wanted, and may not start yet: shown as what it was, STOPPED */
        PS_COUNT
};

enum pevent {
        PE_NONE,
        PE_START,   /* order: start */
        PE_STOP,    /* order: stop */
        PE_RESTART, /* order: stop, then start */
        PE_RETIRE,  /* order: stop, then forget */
        PE_WAIT,    /* order: to be started when the engine says that it may (PE_START) */
        PE_GIVE_UP, /* no tries left; also the daemon's end for one in BACKOFF */
        PE_SPAWN_FAILED,
        PE_UP,             /* startsecs passed, or ready */
        PE_DIED_EARLY,     /* ended before it counted as up */
        PE_DIED,           /* ended, and stays so */
        PE_DIED_AGAIN,     /* ended, and is to be started again */
        PE_DIED_OFTEN,     /* failed or ended once too often: startretries or restart_limit */
        PE_RETRY,          /* the wait is over */
        PE_KILL_DUE,       /* stopwaitsecs passed */
        PE_NOT_READY,      /* start_timeout passed */
        PE_UNHEALTHY,      /* the probe's last word; healthcheck_action=restart */
        PE_UNHEALTHY_KILL, /* the same with healthcheck_action=kill */
        PE_SIGNAL_FAILED,  /* kill(2) failed, and not with ESRCH */
        PE_COUNT
};

/* Work for the launcher: bits, carried out in this order. */
enum ptodo {
        DO_SPAWN = 1,
        DO_TERM = 2,      /* the stop signal, to the process or its group, or to what remains */
        DO_KILL = 4,      /* SIGKILL, likewise */
        DO_START = 8,     /* feed PE_START now (after a restart's stop) */
        DO_FORGET = 16,   /* state is PS_GONE: free it */
        DO_ON_FATAL = 32, /* entered FATAL by itself: on_fatal */
};

/* What a deadline is for. */
enum __attribute__((packed)) pwait {
        WAIT_NONE,
        WAIT_UP,      /* startsecs, or start_timeout */
        WAIT_RETRY,   /* back-off (BACKOFF), or the delay and pace of a restart (RESPAWN) */
        WAIT_KILL,    /* stopwaitsecs after the stop signal */
        WAIT_KILLED,  /* SIGKILL was sent: again every stopwaitsecs, but not without a pause */
        WAIT_GIVE_UP, /* nothing is left to try: FATAL with the next tick. BACKOFF or EXITED are
                       * seen before, as by Supervisor's listeners */
        WAIT_KEEP,    /* in the matrix only: the deadline stays as it is */
};

/* How a process ended. */
struct ending {
        int64_t at_wall_ms;
        int code;      /* exit status, -1 when signalled or unknown */
        int raw;       /* as from waitpid */
        uint8_t sig;   /* 0: exited by itself */
        bool known;    /* false: never ended, or it could not be known */
        bool happened; /* ended at least once */
        bool core, expected;
        bool unhealthy; /* stopped by us because its checks failed */
};

struct breaker {
        int64_t
            *at_ms; /* owned ring of the last restart_limit.count + 1 failures; NULL: none yet */
        int count, next, size;
};

struct group;
struct worker; /* the engine's side: pipes, probe, waiters */

/* Ordered so that nothing is lost to alignment: there are thousands. */
struct process {
        struct heap_node
            due;             /* first: the loop's deadline queue; due.due_ms is the next deadline */
        char *name;          /* behind the struct, in the same memory */
        struct group *group; /* borrowed: its registry owns both */
        struct program *program;      /* reference: what it runs by */
        struct program *next_program; /* reference or NULL: what its next start will run by */
        int number;                   /* process_num */

        pid_t pid;          /* 0: none */
        int tries;          /* failed starts since the last RUNNING */
        int crashes;        /* unexpected ends after RUNNING, forgotten after restart_reset */
        int restarts;       /* automatic restarts since the operator last started it */
        enum pstate state;  /* written by process_feed only */
        enum pwait waiting; /* what due_ms means; WAIT_NONE: nothing awaited */
        bool launching;     /* the pid is there, but is not executed yet */
        bool recalled;      /* carried over from an earlier daemon: what it was told holds */
        bool has_spawnerr;  /* see process_spawnerr */
        bool remains; /* what its last run started is still there, and is to be stopped before the
                       * next one begins. Set by the engine, ended by process_cleared */
        uint16_t spawnerr_size; /* at least so many bytes are at spawnerr */
        uint64_t seed;          /* of the jitter: set once, advanced by use */
        int64_t spawned_ms;     /* mono: the present or last start, 0: never */
        int64_t spawned_wall_ms;
        int64_t tried_wall_ms;   /* the last start, also one that failed; 0: never */
        int64_t calm_ms;         /* mono: since when up and healthy; -1: not now */
        int64_t stopped_wall_ms; /* 0: never */
        struct ending ending;
        struct health health;
        char *spawnerr; /* owned: compat 12.1 */
        struct breaker breaker;

        struct worker *worker;       /* the engine's, opaque here; NULL until it needs one */
        struct process *by_pid_next; /* registry */
};

/* Owns a copy of name, takes a reference on program. NULL: no memory. Starts STOPPED. */
struct process *process_new(const char *name, struct group *group, struct program *program,
                            int number);
void process_free(struct process *p); /* NULL is fine */

/* ---- facts. Each returns DO_* bits; 0 can also mean "refused in this state". `at` is now.
 * Afterwards due.due_ms may have changed: put it in its heap (process_due) before feeding another
 * process. DO_SPAWN has to be carried out, and its outcome told, before the next fact; orders in
 * between are refused. */

/* PE_START, PE_STOP, PE_RESTART, PE_RETIRE, PE_WAIT, PE_GIVE_UP. A start by order clears tries,
 * crashes, restarts and the breaker; a stop clears tries. FATAL by order gives no DO_ON_FATAL.
 * Where a process that no signal reaches (UNKNOWN) still lives, a start is a restart: never two
 * pids. */
unsigned process_order(struct process *p, enum pevent order, struct moment at);
/* A start that is carried over from another life counts as through: its deadline. */
void process_await_up(struct process *p);
/* DO_SPAWN was carried out: a pid, or a failure with its text (copied). Where that takes its time,
 * process_begun says that there is a pid; until one of the others it may be told to stop, or end.
 */
void process_begun(struct process *p, pid_t pid, struct moment at);
/* The same of a start that is carried over, where its child has not been executed yet. */
void process_under_way(struct process *p);
unsigned process_spawned(struct process *p, pid_t pid, struct moment at);
unsigned process_spawn_failed(struct process *p, const char *why, struct moment at);
/* As above, where not the program but the daemon is to blame, which has no descriptors left: tried
 * again after restart_delay, a second at least, and counted neither for startretries nor for
 * restart_limit. */
unsigned process_spawn_short(struct process *p, const char *why, struct moment at);
/* startsecs passed (or it is ready) but process_tick was not called yet. Ask before process_died
 * and, when true, call process_tick first: so RUNNING is seen between STARTING and EXITED, as in
 * compat 12. Without that the death is judged the same, only RUNNING is never shown. */
bool process_promote_first(const struct process *p, struct moment at);
/* The pid is reaped; status as from waitpid. */
unsigned process_died(struct process *p, int status, struct moment at);
/* A better reason for what has just failed than process_died could know (copied). */
void process_explain(struct process *p, const char *why);
/* It ended, and how is not known: while no supervisor was there. Not expected. */
unsigned process_lost(struct process *p, struct moment at);
/* Nothing remains of its last run: what waited for that goes on. */
unsigned process_cleared(struct process *p, struct moment at);
/* What is said of an earlier life (copied). False: no memory, nothing is said. */
bool process_set_spawnerr(struct process *p, const char *text);
/* due.due_ms has come (or not: then nothing happens). */
unsigned process_tick(struct process *p, struct moment at);
/* One probe's result, already counted: see health_result. */
unsigned process_verdict(struct process *p, enum health_news news, struct moment at);
unsigned process_signal_failed(struct process *p, const char *why, struct moment at);

/* The matrix alone. Exposed for its test. */
unsigned process_feed(struct process *p, enum pevent ev, struct moment at);

/* ---- questions, all pure */

bool process_due(const struct process *p, int64_t *due_ms_out); /* false: nothing awaited */
enum pstate process_shown(enum pstate s);     /* folds the inner states into Supervisor's eight */
int pstate_code(enum pstate s);               /* Supervisor's number: 0, 10, ... 1000 */
const char *pstate_name(enum pstate s);       /* Supervisor's word for process_shown(s) */
const char *pstate_inner_name(enum pstate s); /* "RESPAWN", ...: tests and debug lines */
/* Why the last start failed or the last run ended (compat 12.1); NULL: nothing to say. */
const char *process_spawnerr(const struct process *p);
bool process_is_up(const struct process *p); /* shown RUNNING, STARTING or BACKOFF (compat 12) */
bool process_is_stopped(const struct process *p); /* shown STOPPED, EXITED, FATAL, UNKNOWN */
bool process_can_signal(const struct process *p); /* shown RUNNING, STARTING, STOPPING */
bool process_will_start(const struct process *p, int64_t *at_ms_out); /* BACKOFF or RESPAWN */
int process_crashes(const struct process *p, int64_t now_ms); /* 0 after restart_reset of calm */
/* In words, for status -v and --json: "failed start 2 of 4: Exited too quickly", "crashed 3 times,
 * last: terminated by SIGSEGV". Empty when nothing is awaited. */
void process_next_why(const struct process *p, struct buf *out);
/* compat 12.2; uptime from at->mono, stop time in local time. */
void process_describe(const struct process *p, struct moment at, struct buf *out);

/* "exit status 7", "terminated by SIGSEGV (core dumped)", ... (compat 12). */
void ending_text(const struct ending *e, struct buf *out);
/* p NULL: no program's end (a hook, a stray child), so nothing is expected. */
struct ending ending_of(int wait_status, const struct program *p, int64_t wall_ms);

#endif
