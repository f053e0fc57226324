/* What the next instance needs, persisted in <statedir> while we live: one record for each process
 * that ever was touched, one for each scaled fleet. Updates are stores into memory, once per turn
 * of the loop (state_turn.c); before a signal the record is up to date and names that work, so that
 * the next instance knows what may not have happened. Without a state directory every call does
 * nothing. */
#ifndef ENGINE_PERSIST_STATE_H
#define ENGINE_PERSIST_STATE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "engine/core/supervisor.h"

struct fleet;
struct program;

/* Could a daemon of this version go on with what is in the directory (NULL: none)? Touches nothing.
 * False: *e. */
bool state_check(const char *dir, struct err *e);
/* Lock the directory and read what an earlier daemon left. s->log and nothing else must be set.
 * False: another daemon holds it (ERR_BUSY, *e says who), or it is there and cannot be read for
 * want of descriptors or memory or by a fault of the disk: a daemon that began without it would
 * start everything a second time. Where it cannot be made or used otherwise: a warning, s->state
 * stays NULL, true. */
bool state_open(struct supervisor *s, const char *dir, struct err *e);
/* The ledgers of its logs, too. Before the first process is made. */
void state_keep_logs(struct supervisor *s);
/* Our pid (it changes when daemonising), to say which daemon holds the directory. */
void state_sign(struct supervisor *s);
/* keep: the records stay, for the next instance. Else everything goes, the directory too. */
void state_close(struct supervisor *s, bool keep);
const char *state_dir(const struct supervisor *s); /* NULL: nothing is persisted */
/* False, too, where the directory has become read-only: then it was only read. */
bool state_is_persisted(const struct supervisor *s);
/* And it was not removed since. */
bool state_is_there(const struct supervisor *s);

/* Why something that should be persisted is not, for display; borrowed. NULL: all is well, or
 * nothing is to be persisted. */
const char *state_trouble(const struct supervisor *s);

/* The process is not as its record says: stored at the end of the turn. */
void state_changed(struct supervisor *s, struct process *p);
void state_note_changed(struct supervisor *s); /* now */
/* It is stored now; `work` (DO_*) is about to be begun. */
void state_note(struct supervisor *s, struct process *p, unsigned work);
/* It is about to be freed. */
void state_forget(struct supervisor *s, struct process *p);
void state_note_fleet(struct supervisor *s, struct fleet *f);

struct launch;
/* A start: the child itself writes down its pid, so that there is no moment at which a worker
 * exists without a record. Ends with state_note. False: its record cannot be written, and it
 * must not be started (*e). */
bool state_birth(struct supervisor *s, struct process *p, uint64_t given, struct launch *l,
                 struct err *e);
/* Its child cannot write to the record as it is now: what is known of the start is written down. */
void state_note_birth(struct supervisor *s, struct process *p);
/* It was born: how its start can be told from another process with its pid. */
void state_born(struct supervisor *s, struct process *p, pid_t pid);

/* An end that was just reaped is in its record, or is none of a worker's. */
void state_end_noted(const struct supervisor *s);

struct strlist;
/* For the next image in our place: the lock. False: no memory. */
bool state_hand_over(const struct supervisor *s, struct strlist *items);

/* ---- what event listeners have not acknowledged yet */

enum event_phase {
        EVENT_WAITS,
        EVENT_SENDING, /* it may have been written to the listener, or a part of it, or not */
        EVENT_SENT
};

struct persisted_event {
        const char *pool, *name, *payload; /* borrowed until the next state_event_put */
        size_t len;
        uint64_t serial, poolserial;
        enum event_phase phase;
        int listener;  /* whose it is unless it waits: its number */
        uint32_t slot; /* for the calls below */
};

/* Persists the event. Returns its slot, or 0 when it could not be persisted (said once). */
uint32_t state_event_put(struct supervisor *s, const struct persisted_event *e);
void state_event_mark(struct supervisor *s, uint32_t slot, enum event_phase phase, int listener);
void state_event_drop(struct supervisor *s, uint32_t slot); /* 0 is fine */
/* The next number for an event, and for one of this pool; a pool's place is 0 to begin with. */
void state_serial(struct supervisor *s, uint64_t next);
void state_pool_serial(struct supervisor *s, const char *pool, uint32_t *slot, uint64_t next);
void state_pool_forget(struct supervisor *s, uint32_t slot);

/* So many bytes wait for the process's standard input: the next instance says that they are lost,
 * if we are killed. *saved is 0 to begin with, and again when none waits any more. */
void state_stdin_waits(struct supervisor *s, const struct process *p, uint32_t *saved,
                       size_t bytes);

/* Of the previous instance, until state_events_settled: what it wrote down. */
uint64_t state_serial_persisted(const struct supervisor *s);
uint64_t state_pool_serial_persisted(struct supervisor *s, const char *pool, uint32_t *slot_out);
/* The pool's events, once each, in their order; they are the caller's from now on. */
void state_events_of(struct supervisor *s, const char *pool,
                     void (*take)(void *arg, const struct persisted_event *e), void *arg);
/* Pools that go on have taken what is theirs: the rest is over. */
void state_events_settled(struct supervisor *s);

/* ---- of the previous instance */

/* The previous instance has reaped that pid and was killed before it had noted how it ended:
 * *status as from waitpid. False: it has not. */
bool state_end_persisted(const struct supervisor *s, pid_t pid, int *status_out);
/* All that it left is in our records: from here on exits that we reap are persisted. */
void state_persist_ends(struct supervisor *s);
/* Paths of generated logs that must not be removed; NULL-terminated, borrowed, until
 * adopt_everything. NULL: none. */
const char *const *state_spared_logs(const struct supervisor *s);
/* The listening socket that a living worker of this FastCGI program still has; a descriptor of our
 * own, or -1: bind a new one. */
int state_fcgi_socket(const struct supervisor *s, const struct program *p);
/* By which this stream's ledger is known to the next instance; 0: there will be none. */
uint64_t state_stream_key(const struct supervisor *s, const struct process *p, bool is_stderr);
/* The generated path that this process had; borrowed; NULL: none. */
const char *state_auto_log(const struct supervisor *s, const struct process *p, bool is_stderr);

#endif
