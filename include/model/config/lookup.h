/* The names that a configuration needs looked up - hosts, users and groups, and directories that
 * are not in the kernel's cache - and what is known of them. A name service or a disk may be silent
 * for long, so nothing here asks one: `lookups_world` stands in front of the real host while a file
 * is read and notes each name that is asked for, once; a child looks them up (engine/order/lookup);
 * then the file is read again, with the answers. Pure.
 *
 * Afterwards the answers stay, for starts, health checks and listeners: those never wait. */
#ifndef MODEL_CONFIG_LOOKUP_H
#define MODEL_CONFIG_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/host.h"

struct lookups;

/* real: for files and the environment. NULL: no memory. */
struct lookups *lookups_new(const struct host *real);
void lookups_free(struct lookups *l); /* NULL is fine */
/* Borrowed; lives as long as *l. */
const struct host *lookups_world(const struct lookups *l);

/* A new reading begins: what is known is old, and every name that is asked for is noted. Until its
 * answer is there the file's reader gets a placeholder, and what it makes is of no use. */
void lookups_begin(struct lookups *l);
/* Names noted and not answered yet, also those that could not be noted for want of memory. */
size_t lookups_open(const struct lookups *l);
/* The open questions, as the child reads them. */
void lookups_questions(const struct lookups *l, struct buf *out);
/* The child's answers, as far as they are whole. False: no memory; nothing is lost that was known.
 */
bool lookups_take(struct lookups *l, const char *data, size_t len);
/* What is still open has no answer, and that is why. */
void lookups_close(struct lookups *l, const char *why);
/* The reading is over: from here on what is known answers, however old, and nothing is noted. */
void lookups_end(struct lookups *l);

/* A plan is made: what is known answers, and what is not counts as there. Ends with lookups_resume,
 * which gets the result: a reading that is under way goes on. */
int lookups_assume(struct lookups *l);
void lookups_resume(struct lookups *l, int before);

/* Everything that is known, as lookups_take reads it. */
void lookups_put(const struct lookups *l, struct buf *out);

/* ---- the child's side: one question ("hNAME", "uNAME", "gNAME", "pPATH"), answered by this host
 */

void lookup_answer(const struct host *w, const char *question, struct buf *out);

#endif
