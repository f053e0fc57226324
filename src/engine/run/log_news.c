/* What the log thread says of workers' streams, told to those that it concerns: the bus, listeners,
 * starts that wait for their logs, the announcement of an end. Called by logs/ in the main loop. */
#include "engine/run/log_news.h"

#include <stdlib.h>
#include <string.h>

#include "engine/core/supervisor.h"
#include "engine/events/listeners.h"
#include "engine/persist/adopt_pipes.h"
#include "engine/run/gzip_child.h"
#include "engine/run/launcher.h"
#include "engine/run/launches.h"

static size_t log_news_on_text(void *arg, void *owner, bool is_stderr, enum text_kind kind,
                               const char *data, size_t len)
{
        struct supervisor *s = arg;
        struct worker *w = owner;

        launch_look(w->process);
        if (kind == TEXT_RAW)
                return listener_output(s, w->process, data, len);
        struct event e = { .at = clock_now(),
                           .process = w->process,
                           .pid = w->process->pid,
                           .is_stderr = is_stderr,
                           .data = data,
                           .len = len };
        if (kind == TEXT_COMM)
                e.type =
                    is_stderr ? EV_PROCESS_COMMUNICATION_STDERR : EV_PROCESS_COMMUNICATION_STDOUT;
        else
                e.type = is_stderr ? EV_PROCESS_LOG_STDERR : EV_PROCESS_LOG_STDOUT;
        bus_publish(&s->bus, &e);
        return len;
}

static void log_news_on_finished(void *arg, void *owner, bool is_stderr)
{
        struct worker *w = owner;

        (void)is_stderr;
        if (w->draining > 0 && --w->draining == 0)
                supervisor_drained(arg, w->process);
}

static void log_news_on_trouble(void *arg, void *owner, bool is_stderr, const char *detail)
{
        struct supervisor *s = arg;
        struct worker *w = owner;
        struct event e = { .at = clock_now(),
                           .type = detail ? EV_LOG_ERROR : EV_LOG_RECOVERED,
                           .process = w->process,
                           .is_stderr = is_stderr,
                           .data = detail ? detail : "",
                           .len = detail ? strlen(detail) : 0 };

        bus_publish(&s->bus, &e);
}

static void log_news_on_dropped(void *arg, void *owner, bool is_stderr, uint64_t bytes)
{
        struct supervisor *s = arg;
        struct worker *w = owner;
        struct event e = { .at = clock_now(),
                           .type = EV_LOG_DROPPED,
                           .process = w->process,
                           .is_stderr = is_stderr,
                           .len = (size_t)bytes };

        bus_publish(&s->bus, &e);
}

static void log_news_on_attached(void *arg, void *owner, bool is_stderr)
{
        const struct worker *w = owner;

        (void)arg, (void)is_stderr;
        launch_log_opened(w->process);
}

/* A worker whose output would go nowhere is not executed, or, where it runs meanwhile, not left
 * running. The start counts as failed for this reason. */
static void log_news_on_attach_failed(void *arg, void *owner, bool is_stderr, const struct err *why)
{
        struct supervisor *s = arg;
        struct worker *w = owner;
        struct err e = *why;

        if (adopt_log_failed(s, w->process, is_stderr, why))
                return;
        w->streams_for = 0; /* its next start tries to make them anew */
        launcher_no_log(s, w->process, &e);
        if (launch_log_failed(w->process, &e))
                return;
        free(w->log_error);
        w->log_error = strdup(e.text);
        if (!launcher_signal(s, w->process, true, &e))
                log_line(s->log, LVL_CRITICAL, "%s", e.text);
}

static bool log_news_compress(void *arg, int from, int to)
{
        return gzip_child_begin(arg, from, to);
}

const struct logs_news log_news = {
        .on_text = log_news_on_text,
        .on_finished = log_news_on_finished,
        .on_trouble = log_news_on_trouble,
        .on_dropped = log_news_on_dropped,
        .compress = log_news_compress,
        .on_attach_failed = log_news_on_attach_failed,
        .on_attached = log_news_on_attached,
};
