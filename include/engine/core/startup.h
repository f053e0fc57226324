/* What the daemon was started as, and with what: given by the program around the engine after
 * supervisor_init, and only read from then on. */
#ifndef ENGINE_CORE_STARTUP_H
#define ENGINE_CORE_STARTUP_H

#include <signal.h>

#include "engine/core/supervisor.h"

struct startup {
        struct moment started;
        const char *binary;               /* borrowed: full path; NULL: not known */
        const struct override *overrides; /* borrowed: the command line */
        int override_count;
        struct handover *handover; /* borrowed: what the previous instance left; NULL: nothing */
        struct lookups *names;   /* borrowed: what `host` knows of names; NULL: it asks by itself */
        struct mainlog *mainlog; /* borrowed; NULL in tests */
        struct limits limits;
        sigset_t worker_mask; /* the mask that workers get */

        /* Everything has stopped; daemon_state says for what. */
        void (*on_end)(struct supervisor *s);
        /* The next image is good: become it. NULL: cannot be done. */
        void (*on_upgrade)(struct supervisor *s, const char *binary);
        /* config->servers has changed: listen anew. */
        bool (*rebind)(void *arg, const struct config *next, struct err *e);
        void *rebind_arg;
};

static inline struct startup *startup_of(const struct supervisor *s)
{
        return component_own(s, COMPONENT_startup);
}

#endif
