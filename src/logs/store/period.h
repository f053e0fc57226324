/* When an hour or a day ends, by the local clock. Pure, but for the time zone. */
#ifndef LOGS_STORE_PERIOD_H
#define LOGS_STORE_PERIOD_H

#include <time.h>

#include "logs/logs.h"

/* The next full hour or midnight after `now`; 0: never. */
time_t period_end(enum rotate_every every, time_t now);

#endif
