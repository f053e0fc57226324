/* The one hash function: of what tables are looked up by, of what is compared by a number, and the
 * checksum of what is persisted. A single flipped bit always shows. Not against an adversary. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* h: what has been hashed so far; at first any number. What has no fixed length has its length
 * hashed beforehand. */
uint64_t hash_word(uint64_t h, uint64_t word);
uint64_t hash_bytes(uint64_t h, const void *data, size_t len); /* never 0 */
uint64_t hash_text(uint64_t h, const char *text);              /* its length included; never 0 */

#endif
