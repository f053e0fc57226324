/* What one process of a program is given, with everything expanded: two configurations are compared
 * by it, because the same can be said in other words, and the same words can mean something else.
 */
#ifndef MODEL_CONFIG_PROCESS_GIVEN_H
#define MODEL_CONFIG_PROCESS_GIVEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/host.h"
#include "base/strlist.h"
#include "model/config/options.h"
#include "model/config/program.h"
#include "model/config/recipe.h"

struct given {
        struct recipe recipe; /* its environment sorted */
        struct strlist argv;  /* empty: the command cannot be split into words */
        char *healthcheck;    /* owned or NULL */
        char *on_fatal;       /* owned or NULL: the command of exec: */
};

/* `number` is the process_num. False: *e, and *out is empty. */
bool given_make(const struct program *p, const char *group, int number, const struct host *w,
                struct given *out, struct err *e);
void given_release(struct given *g);

/* Is the value of this row compared by what it becomes (given_same), not by its words? */
bool given_holds(const struct opt *o);
bool given_same(const struct opt *o, const struct given *a, const struct given *b);

/* Without looking: whatever is expanded comes out the same for these two. */
bool given_surely_same(const struct program *a, int number_a, const struct program *b,
                       int number_b);
/* Does anything but the name depend on the process_num? */
bool given_varies(const struct program *p);

/* One number for all that only a new start makes true: another number, another start needed. Never
 * 0. The name of the process is no part of it. False: no memory. */
bool given_fingerprint(const struct program *p, const struct recipe *r, const struct strlist *argv,
                       uint64_t *out);

#endif
