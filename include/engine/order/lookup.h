/* Reading the configuration without waiting for a name service: the names in it are looked up by a
 * short-lived child of our own binary, each once and all at the same time, with one bound for all;
 * the main loop goes on meanwhile. See model/config/lookup.h for what is known afterwards. */
#ifndef ENGINE_ORDER_LOOKUP_H
#define ENGINE_ORDER_LOOKUP_H

#include <stdbool.h>
#include <sys/types.h>

#include "engine/core/supervisor.h"
#include "model/config/lookup.h"

/* argv[1] of that child: it reads questions from its standard input and writes the answers to its
 * standard output. */
#define LOOKUP_FLAG    "--look-up"
#define LOOKUP_LIMIT_S 5

/* An order that needs the file read. */
struct reading {
        /* The file was read: give the order now, reload_read has it. Called once, perhaps from
         * within reading_begin; in another daemon_state than RUNNING nothing was read. */
        void (*on_read)(void *arg);
        void *arg;
        struct reading *next; /* engine's own, and the next one */
        struct supervisor *sup;
};

/* `r` is the caller's memory until on_read or reading_cancel. */
void reading_begin(struct supervisor *s, struct reading *r);
void reading_cancel(struct reading *r); /* fine when it is over, or never began */
/* Within on_read: what was read, once. False: nothing was; the caller reads by itself. */
bool reading_take(struct supervisor *s, struct config **out, struct diags *diags);

/* The daemon ends: who waits is told at once. */
void lookup_hurry(struct supervisor *s);

/* One that has answered may not have ended yet; the next image would not know it. */
bool lookup_has_children(const struct supervisor *s);

/* In the environment of a --check before an upgrade: its standard input has the answers. */
#define LOOKUP_GIVEN "SUPERVISORD_NAMES"

/* The same before there is a loop, at the daemon's start: waits, as long as the bound at most.
 * given: a descriptor with answers that lookup_hand_over wrote, read and closed; -1: none. */
struct lookup_file {
        const char *path;
        enum config_want want;
        const struct override *overrides;
        int override_count;
};
struct config *lookup_load(struct lookups *names, struct sys *sys, const struct lookup_file *file,
                           int given, struct diags *diags);

/* What is known, in memory, for the next image. -1: errno. */
int lookup_hand_over(const struct lookups *names);

/* listen_inet, and for a name listen_addresses with what is known of it. */
bool lookup_listen(const struct host *w, const char *host, int port, int backlog, int *fds, int max,
                   int *count_out, struct err *e);

/* The child's work: what `main` does when it sees LOOKUP_FLAG. The exit status. */
int lookup_main(void);

#endif
