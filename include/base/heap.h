/* A queue of deadlines: intrusive binary heap, O(log n) to change, O(1) to ask for the next.
 * A node belongs to at most one heap; the heap borrows it. */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
        int64_t due_ms;
        uint32_t at; /* 1-based place in the heap, 0: in none */
};

struct heap {
        struct heap_node **items; /* owned array, borrowed nodes */
        uint32_t count, cap;
};

void heap_release(struct heap *h);

/* Make room for `count` nodes, so that heap_set cannot fail for that many. */
bool heap_reserve(struct heap *h, size_t count);

/* Put the node in, or move it, to be due at due_ms. False: no memory (the node is not in). */
bool heap_set(struct heap *h, struct heap_node *n, int64_t due_ms);
void heap_remove(struct heap *h, struct heap_node *n); /* fine when it is in none */
struct heap_node *heap_first(const struct heap *h);    /* NULL when empty */

#endif
