/* Capture mode: finds the two tokens of compat 15.1 in a stream that arrives in pieces. Pure.
 *
 * What may be the beginning of a token at the end of a piece is held back until the next piece, or
 * captokens_flush, decides; nothing else is. Held bytes are always a prefix of the token looked
 * for, so a count is all the memory needed. */
#ifndef LOGS_INTAKE_CAPTURE_TOKENS_H
#define LOGS_INTAKE_CAPTURE_TOKENS_H

#include <stdbool.h>
#include <stddef.h>

struct captokens {
        bool inside; /* between the tokens */
        size_t held; /* bytes of a token seen so far */
};

struct captokens_handler {
        void *arg;
        /* A stretch of text without tokens; inside: it is captured. len > 0. */
        void (*on_text)(void *arg, bool inside, const char *data, size_t len);
        void (*on_end)(void *arg); /* the end token: the capture is complete */
};

void captokens_feed(struct captokens *c, const char *data, size_t len,
                    const struct captokens_handler *h);
/* No more will come that could complete a token: hand out what was held. */
void captokens_flush(struct captokens *c, const struct captokens_handler *h);

#endif
