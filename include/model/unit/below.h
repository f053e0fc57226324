/* What comes next for the processes below a worker that has ended: named, told, killed, left. */
#ifndef MODEL_UNIT_BELOW_H
#define MODEL_UNIT_BELOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BELOW_KILL_MS 5000 /* since another one was found: then what does not die is left */

enum below_stage {
        BELOW_NAME,  /* look for what is left, and name it */
        BELOW_ENDED, /* look whether its end may be announced */
        BELOW_WAIT,  /* what is below it has its time */
        BELOW_KILL,  /* which is over */
        BELOW_OVER,
};

/* What a look has found. */
struct below_seen {
        size_t count;     /* of processes below it */
        bool is_stopping; /* the worker was asked to stop: it did not end by itself */
        bool is_killed;   /* and its time is over */
        int64_t kill_ms;  /* when the last of those that are to die was found; 0: not yet */
        int64_t now_ms;
};

enum below_work {
        BELOW_DO_NOTHING,
        BELOW_DO_NAME,
        BELOW_DO_WAIT_FOR, /* named; it ended by itself, and its next start waits for them */
        BELOW_DO_TELL,     /* those that have not had the stop signal get it */
        BELOW_DO_KILL,
        BELOW_DO_LEAVE, /* they cannot be killed */
};

/* Moves the stage on. */
enum below_work below_next(enum below_stage *stage, const struct below_seen *seen);

#endif
