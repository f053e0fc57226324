/* Time as an argument. Monotonic milliseconds decide, wall-clock milliseconds are only shown. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* A moment: both clocks read together. */
struct moment {
        int64_t mono_ms; /* CLOCK_MONOTONIC, never going back */
        int64_t wall_ms; /* milliseconds since the epoch */
};

struct moment clock_now(void);
int64_t clock_mono_ms(void);
int64_t clock_wall_ms(void);
int64_t clock_wall_us(void);

#endif
