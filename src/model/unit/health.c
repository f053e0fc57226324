/* Counts the results of a process's health check and says what is new. It never asks anything
 * itself and does not know how a check is done. */
#include "model/unit/health.h"

#include <limits.h>

#include "model/config/program.h"

const char *health_word(enum health_status s)
{
        static const char *const names[] = {
                [HEALTH_NONE] = "none",
                [HEALTH_STARTING] = "starting",
                [HEALTH_HEALTHY] = "healthy",
                [HEALTH_UNHEALTHY] = "unhealthy",
        };

        return names[s];
}

void health_begin(struct health *h, const struct program *p)
{
        bool asked = p->healthcheck.kind != CHECK_NONE;

        *h = (struct health){ .status = asked ? HEALTH_STARTING : HEALTH_NONE };
}

void health_await(struct health *h)
{
        h->awaited = true;
}

void health_end(struct health *h)
{
        *h = (struct health){ .status = HEALTH_NONE };
}

static bool in_start_period(const struct health *h, const struct program *p, int64_t up_ms)
{
        return !h->ever_ok && up_ms < p->healthcheck_start_period_ms;
}

static bool is_awaited(const struct health *h)
{
        return h->awaited && !h->ever_ok;
}

/* Asked more often than every interval, it fails more often, too. */
static bool comes_early(struct health *h, const struct program *p, int64_t up_ms)
{
        if (!is_awaited(h))
                return false;
        if (up_ms - h->counted_ms < p->healthcheck_interval_ms)
                return true;
        h->counted_ms = up_ms;
        return false;
}

static int at_least_one(int n)
{
        return n > 1 ? n : 1;
}

static int one_more(int n)
{
        return n < INT_MAX ? n + 1 : n;
}

static enum health_news health_succeeded(struct health *h, const struct program *p)
{
        bool first = !h->ever_ok;
        bool turned = false;

        h->failures = 0;
        h->successes = one_more(h->successes);
        h->ever_ok = true;
        if (h->status != HEALTH_HEALTHY && h->successes >= at_least_one(p->healthcheck_successes)) {
                h->status = HEALTH_HEALTHY;
                turned = true;
        }
        if (first)
                return NEWS_FIRST_SUCCESS;
        return turned ? NEWS_HEALTHY : NEWS_NONE;
}

static enum health_news health_failed(struct health *h, const struct program *p, int64_t up_ms)
{
        int retries = at_least_one(p->healthcheck_retries);

        h->successes = 0;
        if (in_start_period(h, p, up_ms) || comes_early(h, p, up_ms))
                return NEWS_NONE;
        h->failures = one_more(h->failures);
        if (h->status != HEALTH_UNHEALTHY) {
                if (h->failures < retries)
                        return NEWS_NONE;
                h->status = HEALTH_UNHEALTHY;
                return NEWS_UNHEALTHY;
        }
        return h->failures % retries == 0 ? NEWS_STILL_UNHEALTHY : NEWS_NONE;
}

enum health_news health_result(struct health *h, const struct program *p, bool ok, int64_t up_ms)
{
        if (h->status == HEALTH_NONE)
                return NEWS_NONE;
        return ok ? health_succeeded(h, p) : health_failed(h, p, up_ms);
}

/* Within the start period it is asked at least once, whatever the interval. */
static int64_t start_pause_ms(const struct program *p)
{
        if (p->healthcheck_start_interval_ms < p->healthcheck_start_period_ms)
                return p->healthcheck_start_interval_ms;
        return (p->healthcheck_start_period_ms + 1) / 2;
}

int64_t health_pause_ms(const struct health *h, const struct program *p, int64_t up_ms)
{
        if (in_start_period(h, p, up_ms))
                return start_pause_ms(p);
        if (is_awaited(h) && p->healthcheck_start_interval_ms < p->healthcheck_interval_ms)
                return p->healthcheck_start_interval_ms;
        return p->healthcheck_interval_ms;
}

int64_t health_offset_ms(const struct health *h, const struct program *p, int index, int count)
{
        int64_t pause = health_pause_ms(h, p, 0);

        if (is_awaited(h))
                return 0;
        if (count < 1 || index < 0)
                return pause;
        return pause * (index % count + 1) / count; /* numbers need not begin at 0 */
}
