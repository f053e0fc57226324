/* A growing list of owned strings; `items` is always NULL-terminated once something was added, so
 * that it can serve as an argv or an envp. */
#ifndef BASE_STRLIST_H
#define BASE_STRLIST_H

#include <stdbool.h>
#include <stddef.h>

struct strs {
        char **items; /* owned, each owned; NULL while empty */
        size_t count, cap;
};

#define STRS_INIT ((struct strs){ 0 })
#define AUTO_STRS __attribute__((cleanup(strs_release))) struct strs

void strs_release(struct strs *v);
bool strs_add(struct strs *v, const char *s); /* copies; false: no memory */
bool strs_add_n(struct strs *v, const char *s, size_t len);
bool strs_take(struct strs *v,
               char *s); /* owns s, also when it fails; s may be NULL (= no memory) */
bool strs_has(const struct strs *v, const char *s);
bool strs_copy(struct strs *to, const struct strs *from); /* to is overwritten without release */
void strs_sort(struct strs *v);                           /* bytewise */

/* Environment helpers: items are "KEY=value". set replaces or appends. */
bool strs_setenv(struct strs *v, const char *key, const char *value);
void strs_unsetenv(struct strs *v, const char *key);
const char *strs_getenv(const struct strs *v, const char *key); /* NULL: not there */

#endif
