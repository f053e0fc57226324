#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/heap.h"

#define NODES 200

Test(heap, gives_the_earliest_first)
{
        struct heap h = { 0 };
        struct heap_node a = { 0 }, b = { 0 }, c = { 0 };

        cr_expect_null(heap_first(&h));
        heap_set(&h, &a, 30);
        heap_set(&h, &b, 10);
        heap_set(&h, &c, 20);
        cr_expect_eq(heap_first(&h), &b);
        heap_remove(&h, &b);
        cr_expect_eq(heap_first(&h), &c);
        heap_set(&h, &a, 5);
        cr_expect_eq(heap_first(&h), &a);
        heap_set(&h, &a, 50);
        cr_expect_eq(heap_first(&h), &c);
        heap_remove(&h, &c);
        heap_remove(&h, &a);
        cr_expect_null(heap_first(&h));
        heap_release(&h);
}

Test(heap, removing_twice_does_nothing)
{
        struct heap h = { 0 };
        struct heap_node a = { 0 };

        heap_remove(&h, &a);
        heap_set(&h, &a, 1);
        heap_remove(&h, &a);
        heap_remove(&h, &a);
        cr_expect_eq(h.count, 0);
        heap_release(&h);
}

Test(heap, needs_no_memory_for_what_was_reserved)
{
        struct heap h = { 0 };
        struct heap_node nodes[NODES] = { 0 };

        cr_assert(heap_reserve(&h, NODES));
        struct heap_node **before = h.items;
        for (int i = 0; i < NODES; i++)
                cr_assert(heap_set(&h, &nodes[i], NODES - i));
        cr_expect_eq(h.items, before);
        heap_release(&h);
}

/* The same operations on an array that is searched from end to end. */
Test(heap, agrees_with_a_brute_force_model)
{
        struct heap h = { 0 };
        struct heap_node nodes[NODES] = { 0 };
        int64_t model[NODES];
        unsigned seed = 7;

        for (int i = 0; i < NODES; i++)
                model[i] = -1;
        for (int step = 0; step < 50000; step++) {
                int i = rand_r(&seed) % NODES;
                if (rand_r(&seed) % 3 == 0) {
                        heap_remove(&h, &nodes[i]);
                        model[i] = -1;
                } else {
                        model[i] = rand_r(&seed) % 1000;
                        cr_assert(heap_set(&h, &nodes[i], model[i]));
                }
                int64_t least = -1;
                uint32_t count = 0;
                for (int k = 0; k < NODES; k++) {
                        count += model[k] >= 0;
                        cr_assert_eq(nodes[k].at != 0, model[k] >= 0);
                        if (model[k] >= 0 && (least < 0 || model[k] < least))
                                least = model[k];
                }
                cr_assert_eq(h.count, count);
                cr_assert_eq(heap_first(&h) ? heap_first(&h)->due_ms : -1, least);
        }
        heap_release(&h);
}
