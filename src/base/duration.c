/* Durations as text: "250ms", "10s", "1h" to milliseconds and back. Refuses what does not fit
 * instead of rounding it. */
#include "base/duration.h"

#include <stdlib.h>
#include <string.h>

static const struct unit {
        const char *name;
        int64_t ms;
} units[] = { { "", 1000 },   { "ms", 1 },      { "s", 1000 },
              { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 } };

#define LONGEST_MS (3650LL * 86400000)

bool duration_parse(const char *text, int64_t *ms_out)
{
        size_t digits = strspn(text, "0123456789.");
        char *end;

        if (digits == 0 || text[0] == '.' || text[digits - 1] == '.')
                return false;
        double value = strtod(text, &end);
        if (end != text + digits)
                return false;
        while (*end == ' ')
                end++;
        for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
                if (strcmp(end, units[i].name) != 0)
                        continue;
                double ms = value * (double)units[i].ms;
                if (ms > (double)LONGEST_MS)
                        return false;
                *ms_out = (int64_t)(ms + 0.5);
                return true;
        }
        return false;
}

void duration_format(int64_t ms, struct buf *out)
{
        for (size_t i = sizeof units / sizeof *units; i-- > 1;)
                if (ms % units[i].ms == 0 && (ms != 0 || i == 2)) {
                        buf_printf(out, "%lld%s", (long long)(ms / units[i].ms), units[i].name);
                        return;
                }
}
