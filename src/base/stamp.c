/* Reads points in time in the form of RFC 3339. Refuses what is no date; takes nothing from the
 * local time zone. */
#include "base/stamp.h"

#include <ctype.h>
#include <time.h>

struct reading {
        const char *at, *end;
};

static bool stamp_digits(struct reading *r, int count, int low, int high, int *out)
{
        int n = 0;

        if (r->end - r->at < count)
                return false;
        for (int i = 0; i < count; i++) {
                unsigned char c = (unsigned char)*r->at++;
                if (!isdigit(c))
                        return false;
                n = n * 10 + (c - '0');
        }
        *out = n;
        return n >= low && n <= high;
}

static bool one_of(struct reading *r, const char *set)
{
        for (; r->at < r->end && *set; set++)
                if (*r->at == *set) {
                        r->at++;
                        return true;
                }
        return false;
}

static bool date_and_time(struct reading *r, struct tm *tm)
{
        if (!stamp_digits(r, 4, 1970, 9999, &tm->tm_year) || !one_of(r, "-") ||
            !stamp_digits(r, 2, 1, 12, &tm->tm_mon) || !one_of(r, "-") ||
            !stamp_digits(r, 2, 1, 31, &tm->tm_mday) || !one_of(r, "Tt ") ||
            !stamp_digits(r, 2, 0, 23, &tm->tm_hour) || !one_of(r, ":") ||
            !stamp_digits(r, 2, 0, 59, &tm->tm_min) || !one_of(r, ":") ||
            !stamp_digits(r, 2, 0, 60, &tm->tm_sec))
                return false;
        tm->tm_year -= 1900;
        tm->tm_mon--;
        return true;
}

/* Milliseconds; what is finer is left out. */
static bool stamp_fraction(struct reading *r, int *ms)
{
        int unit = 100;

        *ms = 0;
        if (!one_of(r, ".,"))
                return true;
        if (r->at == r->end || !isdigit((unsigned char)*r->at))
                return false;
        for (; r->at < r->end && isdigit((unsigned char)*r->at); r->at++, unit /= 10)
                *ms += (*r->at - '0') * unit;
        return true;
}

static bool stamp_zone(struct reading *r, int *minutes)
{
        int hours, rest;

        *minutes = 0;
        if (one_of(r, "Zz"))
                return true;
        if (r->at == r->end || (*r->at != '+' && *r->at != '-'))
                return false;
        int sign = *r->at++ == '-' ? -1 : 1;
        if (!stamp_digits(r, 2, 0, 23, &hours))
                return false;
        one_of(r, ":");
        if (!stamp_digits(r, 2, 0, 59, &rest))
                return false;
        *minutes = sign * (hours * 60 + rest);
        return true;
}

bool stamp_read(const char *text, size_t len, int64_t *ms_out, size_t *used_out)
{
        struct reading r = { text, text + len };
        struct tm tm = { 0 };
        int ms, minutes;

        if (!date_and_time(&r, &tm) || !stamp_fraction(&r, &ms) || !stamp_zone(&r, &minutes))
                return false;
        *ms_out = (int64_t)timegm(&tm) * 1000 + ms - (int64_t)minutes * 60000;
        *used_out = (size_t)(r.at - text);
        return true;
}
