/* One start that is under way: the part's own. */
#ifndef ENGINE_RUN_LAUNCHING_H
#define ENGINE_RUN_LAUNCHING_H

#include <ev.h>

#include "engine/core/worker.h"
#include "engine/run/launches.h"

struct launching {
        struct launching *prev, *next;
        struct supervisor *sup;  /* borrowed */
        struct process *process; /* borrowed; NULL: it has failed, and is to be reaped */
        struct spawned st;
        bool resumed; /* an earlier daemon began it, and its word is lost: it is looked at */
        ev_io said;
        ev_timer limit;
        bool is_gated; /* its child waits for a word: the report is a pair of sockets */
        bool is_held;  /* which has not been given yet */
        int logs;      /* why: so many of its logs are being opened, or an earlier one is held */
        ev_timer patience; /* with them; then it is executed all the same */
        struct err no_log; /* why it is not to be executed at all; ERR_NONE */
};

/* On its pipe: for EV_READ or EV_WRITE. */
void launch_listen(struct launching *l, int events);
enum spawn_progress launch_ask(struct launching *l);

#endif
