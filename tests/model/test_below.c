/* What comes next for what is below a worker that has ended. */
#include "model/unit/below.h"

#include <criterion/criterion.h>

static const struct {
        const char *what;
        enum below_stage from;
        struct below_seen seen;
        enum below_stage to;
        enum below_work work;
} rows[] = {
        { "it is named, whatever there is", BELOW_NAME, { .count = 0 }, BELOW_OVER, BELOW_DO_NAME },
        { "and only once", BELOW_OVER, { .count = 3 }, BELOW_OVER, BELOW_DO_NOTHING },
        { "nothing is left", BELOW_ENDED, { .is_stopping = true }, BELOW_OVER, BELOW_DO_NOTHING },
        { "nothing is left any more", BELOW_WAIT, { 0 }, BELOW_OVER, BELOW_DO_NOTHING },
        { "all are dead",
          BELOW_KILL,
          { .kill_ms = 1, .now_ms = 9999 },
          BELOW_OVER,
          BELOW_DO_NOTHING },
        { "it ended by itself", BELOW_ENDED, { .count = 1 }, BELOW_OVER, BELOW_DO_WAIT_FOR },
        { "a stop", BELOW_ENDED, { .count = 1, .is_stopping = true }, BELOW_WAIT, BELOW_DO_TELL },
        { "whose time is over",
          BELOW_ENDED,
          { .count = 1, .is_stopping = true, .is_killed = true },
          BELOW_KILL,
          BELOW_DO_KILL },
        { "new ones are told", BELOW_WAIT, { .count = 2 }, BELOW_WAIT, BELOW_DO_TELL },
        { "the first SIGKILL",
          BELOW_KILL,
          { .count = 1, .now_ms = 999999 },
          BELOW_KILL,
          BELOW_DO_KILL },
        { "and again",
          BELOW_KILL,
          { .count = 1, .kill_ms = 1000, .now_ms = 5999 },
          BELOW_KILL,
          BELOW_DO_KILL },
        { "what does not die is left",
          BELOW_KILL,
          { .count = 1, .kill_ms = 1000, .now_ms = 6000 },
          BELOW_OVER,
          BELOW_DO_LEAVE },
};

Test(below, each_look_leads_to_one_thing)
{
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                enum below_stage stage = rows[i].from;
                enum below_work work = below_next(&stage, &rows[i].seen);
                cr_expect_eq(work, rows[i].work, "%s", rows[i].what);
                cr_expect_eq(stage, rows[i].to, "%s", rows[i].what);
        }
}
