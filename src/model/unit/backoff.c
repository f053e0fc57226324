/* The pause before the next start, and the count of failures within a time (restart_limit).
 * Arithmetic only; the present time and the seed of the jitter are arguments. */
#include "model/unit/backoff.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>

/* A number in [-1, 1) (splitmix64: any seed will do, 0 too). */
static double backoff_spread(uint64_t *seed)
{
        uint64_t x = *seed += 0x9e3779b97f4a7c15u;

        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
        x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
        x ^= x >> 31;
        return (double)(x >> 11) / (double)(1ULL << 52) - 1.0;
}

/* As often multiplied as is needed to reach the cap. */
static double backoff_grown(double ms, double factor, int times, double cap)
{
        while (factor > 1 && times-- > 0 && ms < cap)
                ms *= factor;
        return fmin(ms, cap);
}

int64_t backoff_ms(const struct program *p, int failures, uint64_t *seed)
{
        double cap = (double)p->restart_delay_max_ms;

        if (p->restart_delay_ms == 0 || failures < 1)
                return 0;
        double ms =
            backoff_grown((double)p->restart_delay_ms, p->restart_delay_factor, failures - 1, cap);
        ms = fmin(ms * (1.0 + p->restart_jitter * backoff_spread(seed)), cap);
        return (int64_t)(fmax(ms, 0) + 0.5);
}

/* Another size, after a reload: keep the newest of what there is. */
static bool breaker_resize(struct breaker *b, int size)
{
        int64_t *at_ms = calloc((size_t)size, sizeof *at_ms);
        int keep = b->count < size ? b->count : size;

        if (!at_ms)
                return false;
        for (int i = 0; i < keep; i++)
                at_ms[i] = b->at_ms[(b->next - keep + i + b->size) % b->size];
        free(b->at_ms);
        *b = (struct breaker){ .at_ms = at_ms, .count = keep, .next = keep % size, .size = size };
        return true;
}

bool breaker_failed(struct breaker *b, const struct rate *limit, int64_t now_ms)
{
        if (limit->count <= 0 || limit->count == INT_MAX) {
                breaker_reset(b);
                return false;
        }
        int size = limit->count + 1;
        if (b->size != size && !breaker_resize(b, size))
                return false;
        b->at_ms[b->next] = now_ms;
        b->next = (b->next + 1) % size;
        if (b->count < size)
                b->count++;
        /* Full: the next place to write holds the oldest, `count` failures ago. */
        return b->count == size && now_ms - b->at_ms[b->next] <= limit->window_ms;
}

void breaker_reset(struct breaker *b)
{
        b->count = 0;
        b->next = 0;
}

void breaker_release(struct breaker *b)
{
        free(b->at_ms);
        *b = (struct breaker){ 0 };
}
