/* Counts wrong passwords by peer and says how long the next answer has to wait and whether the log
 * gets a line. A table of fixed size: a flood of peers costs no memory. */
#include "api/access/guesses.h"

#include <stdio.h>
#include <string.h>

/* Its row; else that of the one who was away longest, emptied. */
static struct guess *row_of(struct guesses *g, const char *peer)
{
        struct guess *oldest = &g->peers[0];

        for (int i = 0; i < GUESSES_PEERS; i++) {
                struct guess *at = &g->peers[i];
                if (strncmp(at->peer, peer, sizeof at->peer - 1) == 0)
                        return at;
                if (oldest->peer[0] && (!at->peer[0] || at->last_ms < oldest->last_ms))
                        oldest = at;
        }
        *oldest = (struct guess){ .said_ms = -1 };
        snprintf(oldest->peer, sizeof oldest->peer, "%s", peer);
        return oldest;
}

static bool may_say(struct guesses *g, const struct guess *at, int64_t now_ms)
{
        if (at->said_ms >= 0 && now_ms - at->said_ms < GUESSES_EACH_MS)
                return false;
        if (g->lines == 0 || now_ms - g->minute_ms >= GUESSES_EACH_MS) {
                g->minute_ms = now_ms;
                g->lines = 0;
        }
        return g->lines < GUESSES_LINES;
}

int guesses_note(struct guesses *g, const char *peer, int64_t now_ms, unsigned *say_out)
{
        struct guess *at = row_of(g, peer);

        if (now_ms - at->last_ms >= GUESSES_EACH_MS)
                at->pause_s = 0;
        at->last_ms = now_ms;
        at->unsaid++;
        at->pause_s += at->pause_s < GUESSES_MOST_S;
        *say_out = 0;
        if (may_say(g, at, now_ms)) {
                *say_out = at->unsaid;
                at->unsaid = 0;
                at->said_ms = now_ms;
                g->lines++;
        }
        return at->pause_s;
}
