/* The rules for what is below a worker that has ended. Pure: what was found comes in, and what is
 * to be done goes out. */
#include "model/unit/below.h"

static enum below_work below_over(enum below_stage *stage, enum below_work work)
{
        *stage = BELOW_OVER;
        return work;
}

enum below_work below_next(enum below_stage *stage, const struct below_seen *seen)
{
        if (*stage == BELOW_OVER)
                return BELOW_DO_NOTHING;
        if (*stage == BELOW_NAME)
                return below_over(stage, BELOW_DO_NAME);
        if (seen->count == 0)
                return below_over(stage, BELOW_DO_NOTHING);
        if (*stage == BELOW_ENDED && !seen->is_stopping)
                return below_over(stage, BELOW_DO_WAIT_FOR);
        if (*stage == BELOW_ENDED)
                *stage = seen->is_killed ? BELOW_KILL : BELOW_WAIT;
        if (*stage == BELOW_WAIT)
                return BELOW_DO_TELL;
        if (seen->kill_ms && seen->now_ms - seen->kill_ms >= BELOW_KILL_MS)
                return below_over(stage, BELOW_DO_LEAVE);
        return BELOW_DO_KILL;
}
