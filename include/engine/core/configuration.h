/* The configurations of the daemon beside the one in effect (s->config): the last one that was
 * read, the one that a restart of everything begins with, and what only another start changes. */
#ifndef ENGINE_CORE_CONFIGURATION_H
#define ENGINE_CORE_CONFIGURATION_H

#include "engine/core/supervisor.h"

struct configuration {
        struct config *latest;       /* `reread`; owned where it is not s->config */
        struct config *pending;      /* owned: a restart of everything begins with it; NULL */
        struct strlist started_with; /* what only another start changes (settings_note) */
        int generation;              /* counts applied configurations, from 1 */
        char *server_url;            /* owned: for SUPERVISOR_SERVER_URL; NULL: no server */
};

static inline struct configuration *configuration_of(const struct supervisor *s)
{
        return component_own(s, COMPONENT_configuration);
}

/* Takes it over as the one in effect and the last one read; the old ones are freed. */
void configuration_take(struct supervisor *s, struct config *config);

#endif
