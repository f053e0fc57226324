/* Wrong passwords, by who gave them: each costs a pause, and is said in the log, but not more often
 * than is worth reading. Pure: time is an argument. */
#ifndef API_ACCESS_GUESSES_H
#define API_ACCESS_GUESSES_H

#include <stdbool.h>
#include <stdint.h>

#define GUESSES_PEERS   64    /* that are remembered */
#define GUESSES_LINES   20    /* a minute, for all peers together */
#define GUESSES_EACH_MS 60000 /* for one peer */
#define GUESSES_MOST_S  10    /* the longest pause */

struct guesses {
        struct guess {
                char peer[64]; /* "" : free */
                int64_t last_ms;
                int64_t said_ms;
                unsigned unsaid; /* since then */
                int pause_s;
        } peers[GUESSES_PEERS];
        int64_t minute_ms; /* when the present minute of lines began */
        int lines;         /* in it */
};

/* One more, of this peer (without its port). *say_out: so many are to be told, 0: none. Returns the
 * pause before the answer, in seconds: longer with each, until there was none for a minute. */
int guesses_note(struct guesses *g, const char *peer, int64_t now_ms, unsigned *say_out);

#endif
