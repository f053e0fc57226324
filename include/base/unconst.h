/* For interfaces that take a pointer to what they do not change and do not say so: argv and envp of
 * exec, iov_base of a write, iterators of a JSON library. The only place where const is cast away.
 */
#ifndef BASE_UNCONST_H
#define BASE_UNCONST_H

#include <stdint.h>

static inline void *unconst(const void *p)
{
        return (void *)(uintptr_t)p;
}

#endif
