#include <criterion/criterion.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/vec.h"

Test(vec, has_room_for_the_next_power_of_two)
{
        static const struct {
                size_t count, room;
        } rows[] = { { 0, 2 }, { 1, 2 }, { 2, 2 }, { 3, 4 }, { 4, 4 }, { 5, 8 }, { 1000, 1024 } };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
                cr_assert_eq(vec_room(rows[i].count), rows[i].room, "%zu", rows[i].count);
}

Test(vec, grows_one_by_one_and_holds_every_member)
{
        struct pair {
                int a, b, c;
        } *items = NULL;
        int count = 0;

        for (; count < 5000; count++) {
                cr_assert(vec_grow(items, count));
                cr_assert_geq(malloc_usable_size(items), (size_t)(count + 1) * sizeof *items);
                items[count] = (struct pair){ count, -count, 7 };
        }
        for (int i = 0; i < count; i++)
                cr_assert(items[i].a == i && items[i].b == -i && items[i].c == 7);
        free(items);
}

Test(vec, has_room_wherever_members_come_and_go)
{
        unsigned *items = NULL, seed = 1;
        size_t count = 0;

        for (unsigned i = 0; i < 20000; i++) {
                seed = seed * 1103515245 + 12345;
                size_t more = seed >> 16 & 7;
                if (seed >> 20 & 1) {
                        count -= count < more ? count : more;
                        continue;
                }
                cr_assert(vec_reserve(&items, count, more, sizeof *items));
                cr_assert_geq(malloc_usable_size(items), (count + more) * sizeof *items);
                count += more;
        }
        free(items);
}

Test(vec, moves_only_when_its_room_is_used_up)
{
        long *items = NULL;

        cr_assert(vec_reserve(&items, 0, 5, sizeof *items));
        const long *was = items;
        for (size_t count = 5; count < 8; count++)
                cr_assert(vec_grow(items, count) && items == was);
        free(items);
}

Test(vec, leaves_the_array_as_it_was_when_memory_runs_out)
{
        int *items = NULL;

#ifdef __SANITIZE_ADDRESS__
        fputs("skipped: vec::leaves_the_array_as_it_was_when_memory_runs_out: the sanitizer takes "
              "such a size for a fault\n",
              stderr);
        return;
#endif
        cr_assert(vec_grow(items, 0));
        items[0] = 42;
        const int *was = items;
        cr_assert_not(vec_reserve(&items, 1, SIZE_MAX / 8, sizeof *items));
        cr_assert(items == was && items[0] == 42);
        free(items);
}
