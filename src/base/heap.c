/* A binary heap of deadlines whose nodes are members of other structs. Room is reserved
 * beforehand, so that moving a deadline does not fail. */
#include "base/heap.h"

#include <stdlib.h>

void heap_release(struct heap *h)
{
        free(h->items);
        *h = (struct heap){ 0 };
}

bool heap_reserve(struct heap *h, size_t count)
{
        if (count <= h->cap)
                return true;
        size_t cap = h->cap ? h->cap : 16;
        while (cap < count)
                cap *= 2;
        struct heap_node **items = realloc(h->items, cap * sizeof(struct heap_node *));
        if (!items)
                return false;
        h->items = items;
        h->cap = (uint32_t)cap;
        return true;
}

static void heap_place(struct heap *h, uint32_t at, struct heap_node *n)
{
        h->items[at - 1] = n;
        n->at = at;
}

static void sift_up(struct heap *h, struct heap_node *n)
{
        uint32_t at = n->at;

        while (at > 1 && h->items[at / 2 - 1]->due_ms > n->due_ms) {
                heap_place(h, at, h->items[at / 2 - 1]);
                at /= 2;
        }
        heap_place(h, at, n);
}

static void sift_down(struct heap *h, struct heap_node *n)
{
        uint32_t at = n->at;

        for (;;) {
                uint32_t kid = at * 2;
                if (kid > h->count)
                        break;
                if (kid < h->count && h->items[kid]->due_ms < h->items[kid - 1]->due_ms)
                        kid++;
                if (h->items[kid - 1]->due_ms >= n->due_ms)
                        break;
                heap_place(h, at, h->items[kid - 1]);
                at = kid;
        }
        heap_place(h, at, n);
}

bool heap_set(struct heap *h, struct heap_node *n, int64_t due_ms)
{
        if (n->at == 0) {
                if (!heap_reserve(h, (size_t)h->count + 1))
                        return false;
                n->due_ms = due_ms;
                h->count++;
                heap_place(h, h->count, n);
                sift_up(h, n);
                return true;
        }
        n->due_ms = due_ms;
        sift_up(h, n);
        sift_down(h, n);
        return true;
}

void heap_remove(struct heap *h, struct heap_node *n)
{
        if (n->at == 0)
                return;
        struct heap_node *last = h->items[h->count - 1];
        uint32_t at = n->at;
        h->count--;
        n->at = 0;
        if (last == n)
                return;
        heap_place(h, at, last);
        sift_up(h, last);
        sift_down(h, last);
}

struct heap_node *heap_first(const struct heap *h)
{
        return h->count ? h->items[0] : NULL;
}
