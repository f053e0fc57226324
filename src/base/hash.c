/* The one hash function. Records on disk are checked by it: a change of it makes them unreadable.
 */
#include "base/hash.h"

#include <string.h>

/* Every step can be undone, so that a single flipped bit always shows. */
uint64_t hash_word(uint64_t h, uint64_t word)
{
        h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        return h ^ h >> 32;
}

uint64_t hash_bytes(uint64_t h, const void *data, size_t len)
{
        const char *at = data;
        uint64_t word;

        for (; len >= sizeof word; at += sizeof word, len -= sizeof word) {
                memcpy(&word, at, sizeof word);
                h = hash_word(h, word);
        }
        if (len) {
                word = 0;
                memcpy(&word, at, len);
                h = hash_word(h, word);
        }
        return h ? h : 1;
}

uint64_t hash_text(uint64_t h, const char *text)
{
        size_t len = strlen(text);

        return hash_bytes(hash_word(h, len), text, len);
}
