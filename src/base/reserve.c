/* A reserve of memory for libev, which would end the process without it. It is spent only when the
 * system has no more, and refilled as soon as it can be. */
#include "base/reserve.h"

#include <ev.h>
#include <stdatomic.h>
#include <stdlib.h>

#define BLOCKS      8
#define BLOCK_BYTES (256 << 10) /* mapped, and never touched: it costs addresses only */

/* libev's interface has no argument for it, and all of its loops share it. */
static _Atomic(void *) blocks[BLOCKS];
static atomic_int missing = BLOCKS;

bool reserve_spend(void)
{
        for (int i = 0; i < BLOCKS; i++) {
                void *block = atomic_exchange(&blocks[i], NULL);
                if (!block)
                        continue;
                atomic_fetch_add(&missing, 1);
                free(block);
                return true;
        }
        return false;
}

void *reserve_allocate(void *old, long size)
{
        if (size <= 0) {
                free(old);
                return NULL;
        }
        void *got = realloc(old, (size_t)size);
        while (!got && reserve_spend())
                got = realloc(old, (size_t)size);
        return got;
}

bool reserve_refill(void)
{
        for (int i = 0; i < BLOCKS && atomic_load(&missing) > 0; i++) {
                void *none = NULL, *block;
                if (atomic_load(&blocks[i]))
                        continue;
                block = malloc(BLOCK_BYTES);
                if (!block)
                        return false;
                if (atomic_compare_exchange_strong(&blocks[i], &none, block))
                        atomic_fetch_sub(&missing, 1);
                else
                        free(block);
        }
        return true;
}

void reserve_begin(void)
{
        reserve_refill();
        ev_set_allocator(reserve_allocate);
}
