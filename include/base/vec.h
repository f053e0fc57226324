/* Arrays that grow. The room is not stored: it follows from the number of members, as
 * the next power of two. So an array that grows here was allocated here, or with vec_room. */
#ifndef BASE_VEC_H
#define BASE_VEC_H

#include <stdbool.h>
#include <stddef.h>

/* Members that an array of so many has room for. */
size_t vec_room(size_t count);

/* Room for `more` members of `size` bytes behind the first `count`. items_at: where the pointer to
 * the array lies; an empty array may be NULL. False: no memory, and the array is as it was. */
bool vec_reserve(void *items_at, size_t count, size_t more, size_t size);

/* Room for one more. items: the pointer to the array, which may change. */
#define vec_grow(items, count) vec_reserve(&(items), (size_t)(count), 1, sizeof *(items))

#endif
