/* Arrays that grow: how much room they have. Knows nothing of what is in them. */
#include "base/vec.h"

#include <stdlib.h>
#include <string.h>

size_t vec_room(size_t count)
{
        size_t room = 2;

        while (room < count)
                room *= 2;
        return room;
}

bool vec_reserve(void *items_at, size_t count, size_t more, size_t size)
{
        void *items;

        memcpy(&items, items_at, sizeof items);
        if (items && vec_room(count) - count >= more)
                return true;
        void *grown = reallocarray(items, vec_room(count + more), size);
        if (grown)
                memcpy(items_at, &grown, sizeof grown);
        /* cppcheck-suppress memleak ; its place is items_at */
        return grown != NULL;
}
