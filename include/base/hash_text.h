/* Texts into one number (FNV-1a), each with its end: what settings are compared by. */
#ifndef BASE_HASH_TEXT_H
#define BASE_HASH_TEXT_H

#include <stdint.h>

#define HASH_TEXT_BEGIN UINT64_C(0xcbf29ce484222325)
#define HASH_TEXT_PRIME UINT64_C(0x100000001b3)

static inline uint64_t hash_text(uint64_t h, const char *text)
{
        for (; *text; text++)
                h = (h ^ (unsigned char)*text) * HASH_TEXT_PRIME;
        return (h ^ 0x100) * HASH_TEXT_PRIME; /* an end that no byte can be */
}

#endif
