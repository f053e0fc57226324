/* Does it work? Docker's words and meanings: start_period, interval, retries, successes. Pure: a
 * runner asks (engine/watch/probes), this counts. */
#ifndef MODEL_UNIT_HEALTH_H
#define MODEL_UNIT_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

struct program;

enum __attribute__((packed)) health_status {
        HEALTH_NONE,
        HEALTH_STARTING,
        HEALTH_HEALTHY,
        HEALTH_UNHEALTHY
};

enum health_news {
        NEWS_NONE,
        NEWS_FIRST_SUCCESS,   /* first success since the start; may also make it healthy */
        NEWS_HEALTHY,         /* unhealthy or starting -> healthy */
        NEWS_UNHEALTHY,       /* -> unhealthy */
        NEWS_STILL_UNHEALTHY, /* a further `retries` failures in a row after that */
};

struct health {
        int64_t counted_ms;      /* uptime at the last failure that counted while awaited */
        int failures, successes; /* in a row */
        enum health_status status;
        bool ever_ok; /* since the start */
        bool awaited; /* the first success is what makes it RUNNING */
};

const char *health_word(enum health_status s); /* "none", "starting", ... */

/* A new start: starting when the program has a check, else none. */
void health_begin(struct health *h, const struct program *p);
/* It is RUNNING at its first success (ready=healthcheck): it is asked at once, then every
 * start_interval until then, so that being ready is seen soon. That more questions are asked makes
 * it no more unhealthy: until then a failure counts once per interval. */
void health_await(struct health *h);
/* The process is not running any more: none (nothing is asked of it). */
void health_end(struct health *h);

/* One result. up_ms: since the start. Failures within start_period do not count, until the first
 * success (Docker). */
enum health_news health_result(struct health *h, const struct program *p, bool ok, int64_t up_ms);

/* When to ask next, in ms from now: start_interval within the start period and while awaited, until
 * the first success; else interval. */
int64_t health_pause_ms(const struct health *h, const struct program *p, int64_t up_ms);

/* Delay before the first probe of process `index` of `count`: spread over the first pause; none
 * while awaited. */
int64_t health_offset_ms(const struct health *h, const struct program *p, int index, int count);

#endif
