/* Signals by name and number. */
#ifndef BASE_SIGNAME_H
#define BASE_SIGNAME_H

#include <stdbool.h>
#include <stddef.h>

/* "TERM", "SIGTERM", "sigterm", "15" -> 15; numbers must be in the platform's list, or 0.
 * -1: no such name; -2: no such number. */
int signame_parse(const char *text);

/* "SIGTERM"; "SIGRTMIN+3" for the real-time ones. Writes into the caller's buffer of at least 16
 * bytes and returns it; an unknown number gives "signal N". */
const char *signame_of(int sig, char *buf, size_t size);

#endif
