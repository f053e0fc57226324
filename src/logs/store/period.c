/* When the present hour or day ends by the local clock, also where the clock is put forward or
 * back. */
#include "logs/store/period.h"

time_t period_end(enum rotate_every every, time_t now)
{
        struct tm tm;

        if (every == ROTATE_BY_SIZE || !localtime_r(&now, &tm))
                return 0;
        tm.tm_sec = tm.tm_min = 0;
        tm.tm_isdst = -1; /* the clock may be put on or back in between */
        if (every == ROTATE_HOURLY) {
                tm.tm_hour++;
        } else {
                tm.tm_hour = 0;
                tm.tm_mday++;
        }
        time_t end = mktime(&tm);
        /* In the hour that comes twice the next full one may lie behind us. */
        return end > now ? end : now + 3600;
}
