/* What the log thread says of workers' streams; `arg` is the supervisor. */
#ifndef ENGINE_RUN_LOG_NEWS_H
#define ENGINE_RUN_LOG_NEWS_H

#include "logs/logs.h"

extern const struct logs_news log_news;

#endif
