/* Inside of logs/: which writer a path has. */
#ifndef LOGS_STORE_WRITER_TABLE_H
#define LOGS_STORE_WRITER_TABLE_H

#include <stdbool.h>

struct writer;

struct writer_table {
        struct writer **heads; /* owned array of borrowed lists; NULL: there is none */
        unsigned size, count;
};
struct writer *writer_table_find(const struct writer_table *t, const char *path); /* or NULL */
bool writer_table_add(struct writer_table *t, struct writer *w);          /* false: no memory */
void writer_table_remove(struct writer_table *t, const struct writer *w); /* which is in it */
struct writer *writer_table_any(const struct writer_table *t);            /* NULL: there is none */

#endif
