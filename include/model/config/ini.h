/* One file of configuration text, by the rules of compat section 3.2. We walk the physical lines;
 * inih is handed short tokens only, so that none of its limits can bite. */
#ifndef MODEL_CONFIG_INI_H
#define MODEL_CONFIG_INI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct ini_key {
        const char *key;   /* trimmed and lower-cased */
        const char *value; /* lines joined with "\n", comments gone */
        int line;          /* 1-based, of the key */
        bool cut;          /* an inline comment was cut off one of its lines */
};

/* What the reader tells, in the order of the file. All text is borrowed for the call. False ends
 * the reading (out of memory). */
struct ini_handler {
        bool (*section)(void *arg, const char *name, int line);
        bool (*key)(void *arg, const struct ini_key *k);
        /* White space beyond ASCII counted as a blank in this line, told before all of the above;
         * NULL: not wanted. */
        void (*blank)(void *arg, unsigned code_point, int line);
        /* Of a section that is not wanted neither itself nor its keys are told; its lines are
         * judged as the others are. NULL: all are wanted. */
        bool (*wants)(void *arg, const char *name, size_t len);
};

enum ini_result {
        INI_OK,
        INI_BAD_LINES, /* everything that could be read was handed over */
        INI_REFUSED,   /* nothing was handed over: no header first, a NUL byte, not UTF-8 */
        INI_NOMEM,
};

/* `name` is the file as it is called in messages. On INI_BAD_LINES and INI_REFUSED *why has
 * Supervisor's text and *line_out the first line that it is about. */
enum ini_result ini_read(const char *text, size_t len, const char *name,
                         const struct ini_handler *handler, void *arg, struct buf *why,
                         int *line_out);

#endif
