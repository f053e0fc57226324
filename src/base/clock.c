/* The only place that asks for the time. Everything that decides gets the moment as an argument. */
#include "base/clock.h"

#include <time.h>

static int64_t read_ms(clockid_t id)
{
        struct timespec ts;

        clock_gettime(id, &ts);
        return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t clock_mono_ms(void)
{
        return read_ms(CLOCK_MONOTONIC);
}

int64_t clock_wall_ms(void)
{
        return read_ms(CLOCK_REALTIME);
}

int64_t clock_wall_us(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_REALTIME, &ts);
        return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

struct moment clock_now(void)
{
        return (struct moment){ .mono_ms = clock_mono_ms(), .wall_ms = clock_wall_ms() };
}
