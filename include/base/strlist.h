/* A growing list of owned strings; `items` is always NULL-terminated once something was added, so
 * that it can serve as an argv or an envp. */
#ifndef BASE_STRLIST_H
#define BASE_STRLIST_H

#include <stdbool.h>
#include <stddef.h>

struct strlist {
        char **items; /* owned, each owned; NULL while empty */
        size_t count;
};

#define STRLIST_INIT ((struct strlist){ 0 })
#define AUTO_STRLIST __attribute__((cleanup(strlist_release))) struct strlist

void strlist_release(struct strlist *v);
bool strlist_add(struct strlist *v, const char *s); /* copies; false: no memory */
bool strlist_add_n(struct strlist *v, const char *s, size_t len);
bool strlist_take(struct strlist *v,
                  char *s); /* owns s, also when it fails; s may be NULL (= no memory) */
bool strlist_has(const struct strlist *v, const char *s);
bool strlist_copy(struct strlist *to,
                  const struct strlist *from); /* to is overwritten without release */
void strlist_sort(struct strlist *v);          /* bytewise */

/* Environment helpers: items are "KEY=value". set replaces or appends. */
bool strlist_setenv(struct strlist *v, const char *key, const char *value);
const char *strlist_getenv(const struct strlist *v, const char *key); /* NULL: not there */

#endif
