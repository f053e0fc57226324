/* The log streams of a worker: made from its program's settings, held over its restarts. Settings
 * go to the log thread as messages; what that says of them is heard in log_news.c. */
#include "engine/run/streams.h"

#include <stdlib.h>
#include <string.h>

#include "engine/core/configuration.h"
#include "engine/core/startup.h"
#include "engine/core/supervisor.h"
#include "engine/persist/state.h"
#include "sys/store/handover.h"

/* One channel's settings, with the path that this process gets. */
struct wanted {
        struct stream_conf conf;
        char *auto_path; /* owned or NULL */
};

static const struct channel_conf *streams_channel(const struct program *g, bool is_stderr)
{
        return is_stderr ? &g->err : &g->out;
}

struct auto_claims *streams_claims(const struct supervisor *s)
{
        return component_own(s, COMPONENT_streams);
}

/* Another daemon that starts does not take it for a dead one's. Where that cannot be said, it is
 * said here. */
static void streams_claim_path(struct supervisor *s, const char *path)
{
        struct err e;

        if (!auto_claims_open(streams_claims(s), -1, s->config->settings.childlogdir, &e) ||
            !auto_claims_add(streams_claims(s), path, &e))
                log_line(
                    s->log, LVL_WARN,
                    "another supervisord with this identifier may remove AUTO logs of ours: %s",
                    e.text);
}

void streams_inherit_claims(struct supervisor *s)
{
        int fd = handover_fd(startup_of(s)->handover, STREAMS_CLAIMS);

        if (fd >= 0) /* else they are made with the first */
                auto_claims_open(streams_claims(s), fd, s->config->settings.childlogdir, NULL);
}

/* An AUTO path is made once and used over restarts (compat 15). */
static bool choose_path(struct supervisor *s, const struct process *p, const struct stream *have,
                        bool was_auto, const char *logfile, struct wanted *out, struct err *e)
{
        if (!logfile)
                return true;
        if (strcmp(logfile, "syslog") == 0) {
                out->conf.syslog.on = true;
                return true;
        }
        if (strcmp(logfile, "AUTO") != 0) {
                out->conf.path = logfile;
                return true;
        }
        out->conf.is_auto = true;
        const char *known =
            have && was_auto ? stream_path(have) : state_auto_log(s, p, out->conf.is_stderr);
        if (known) {
                out->auto_path = strdup(known);
                if (!out->auto_path)
                        return err_nomem(e);
        } else {
                out->auto_path =
                    logs_auto_path(s->config->settings.childlogdir, p->name, out->conf.is_stderr,
                                   s->config->settings.identifier, e);
        }
        out->conf.path = out->auto_path;
        if (out->auto_path)
                streams_claim_path(s, out->auto_path);
        return out->auto_path != NULL;
}

static enum log_format format_of(const struct channel_conf *c)
{
        static const enum log_format formats[] = {
                [LOG_FORM_RAW] = LOG_RAW, [LOG_FORM_TEXT] = LOG_TEXT, [LOG_FORM_JSON] = LOG_JSON
        };

        return c->format == LOG_FORM_RAW && c->timestamp ? LOG_TEXT : formats[c->format];
}

static bool streams_want(struct supervisor *s, const struct process *p, const struct program *g,
                         const struct recipe *r, bool is_stderr, const struct stream *have,
                         bool was_auto, struct wanted *out, struct err *e)
{
        const struct channel_conf *c = streams_channel(g, is_stderr);
        static const enum rotate_every every[] = { [LOG_EVERY_SIZE] = ROTATE_BY_SIZE,
                                                   [LOG_EVERY_HOUR] = ROTATE_HOURLY,
                                                   [LOG_EVERY_DAY] = ROTATE_DAILY };
        static const enum syslog_format forms[] = {
                [SYSLOG_FORM_BSD] = SYSLOG_BSD, [SYSLOG_FORM_5424] = SYSLOG_RFC5424
        };
        bool protocol = g->kind == KIND_LISTENER && !is_stderr;

        *out = (struct wanted){ .conf = { .process = p->name,
                                          .is_stderr = is_stderr,
                                          .maxbytes = c->maxbytes,
                                          .owner = user_owner(&g->user),
                                          .backups = c->backups,
                                          .rotate_every = every[c->rotate],
                                          .format = (uint8_t)(protocol ? LOG_RAW : format_of(c)),
                                          .compress = c->compress == LOG_COMPRESS_GZIP,
                                          .capture_maxbytes = protocol ? 0 : c->capture_maxbytes,
                                          .events_enabled = !protocol && c->events_enabled,
                                          .tap = protocol,
                                          .key = state_stream_key(s, p, is_stderr),
                                          .drops = !protocol && c->overflow == OVERFLOW_DROP,
                                          .syslog = { .on = !protocol && c->syslog,
                                                      .format = forms[c->syslog_format],
                                                      .facility = (int8_t)c->syslog_facility,
                                                      .level = (int8_t)c->syslog_level,
                                                      .tag = is_stderr ? r->err_tag : r->out_tag },
                                          .strip_ansi = s->config->settings.strip_ansi } };
        return choose_path(s, p, have, was_auto, is_stderr ? r->err_logfile : r->out_logfile, out,
                           e);
}

/* One that was adopted may have a pipe where we would have made none. At debug level the main log
 * has a copy of everything. */
static bool streams_is_wanted(const struct supervisor *s, const struct worker *w,
                              const struct program *g, bool is_stderr)
{
        bool has_pipe = w->process->pid > 0 && w->mark.pipes[is_stderr ? 2 : 1];

        return has_pipe || !program_discards(g, is_stderr) || log_wants(s->log, LVL_DEBUG);
}

static void streams_drop(struct worker *w, bool is_stderr)
{
        struct stream **at = is_stderr ? &w->err : &w->out;

        stream_free(*at);
        *at = NULL;
        *(is_stderr ? &w->err_auto : &w->out_auto) = false;
}

static bool streams_put(struct supervisor *s, struct worker *w, const struct program *g,
                        const struct recipe *r, bool is_stderr, struct err *e)
{
        struct stream **at = is_stderr ? &w->err : &w->out;
        struct wanted wanted;
        bool *was_auto = is_stderr ? &w->err_auto : &w->out_auto;

        if (!streams_is_wanted(s, w, g, is_stderr)) {
                streams_drop(w, is_stderr);
                return true;
        }
        if (!streams_want(s, w->process, g, r, is_stderr, *at, *was_auto, &wanted, e))
                return false;
        bool ok;
        if (*at) {
                ok = stream_configure(*at, &wanted.conf, e);
        } else {
                *at = stream_new(s->logs, &wanted.conf, w, e);
                ok = *at != NULL;
        }
        if (ok)
                *was_auto = wanted.conf.is_auto;
        free(wanted.auto_path);
        return ok;
}

static bool put_both(struct supervisor *s, struct worker *w, const struct program *g,
                     const struct recipe *r, struct err *e)
{
        w->streams_for = 0;
        if (!streams_put(s, w, g, r, false, e) ||
            (!g->redirect_stderr && !streams_put(s, w, g, r, true, e)))
                return false;
        if (g->redirect_stderr)
                streams_drop(w, true);
        w->streams_for = configuration_of(s)->generation;
        return true;
}

static bool make_recipe(struct supervisor *s, const struct process *p, const struct program *g,
                        struct recipe *out, struct err *e)
{
        return recipe_make(g, p->group->name, p->number, s->host, out, e);
}

/* Settings come with a generation only: a worker that is started again has them. */
bool streams_prepare(struct supervisor *s, struct worker *w, struct err *e)
{
        const struct process *p = w->process;
        struct recipe r = { 0 };

        if (w->streams_for == configuration_of(s)->generation)
                return true;
        bool ok = make_recipe(s, p, p->program, &r, e) && put_both(s, w, p->program, &r, e);
        recipe_release(&r);
        return ok;
}

static void streams_create(struct supervisor *s, struct process *p)
{
        const struct program *g = p->program;
        struct recipe r = { 0 };
        struct err e;

        if (!g->out.logfile && !g->err.logfile)
                return;
        struct worker *w = worker_of(s, p);
        if (w && make_recipe(s, p, g, &r, &e)) {
                if (!put_both(s, w, g, &r, &e))
                        log_line(s->log, LVL_ERROR, "log of '%s': %s", p->name, e.text);
        } else {
                log_line(s->log, LVL_ERROR, "log of '%s': %s", p->name, w ? e.text : "no memory");
        }
        recipe_release(&r);
}

bool streams_update(struct supervisor *s, struct process *p, struct err *e)
{
        struct recipe r = { 0 };

        if (!p->worker) {
                streams_create(s, p);
                return true;
        }
        bool ok = make_recipe(s, p, p->program, &r, e) && put_both(s, p->worker, p->program, &r, e);
        if (ok && p->pid > 0)
                streams_started(p->worker, p->pid);
        recipe_release(&r);
        return ok;
}

void streams_await(struct worker *w)
{
        if (w && w->out)
                stream_await(w->out);
        if (w && w->err)
                stream_await(w->err);
}

static bool says_pid(const struct channel_conf *c)
{
        bool names_it = c->syslog_format == SYSLOG_FORM_5424 || c->syslog_tag;

        return c->format == LOG_FORM_JSON || (c->syslog && names_it);
}

void streams_started(struct worker *w, pid_t pid)
{
        const struct program *g = w->process->program;

        if (w->out && says_pid(&g->out))
                stream_pid(w->out, pid);
        if (w->err && says_pid(&g->err))
                stream_pid(w->err, pid);
}

void streams_abandon(struct worker *w)
{
        if (w->out)
                stream_finish(w->out);
        if (w->err)
                stream_finish(w->err);
}

static void streams_let_go(struct worker *w)
{
        if (w->out)
                stream_let_go(w->out);
        if (w->err)
                stream_let_go(w->err);
}

static void streams_finish(struct worker *w)
{
        w->draining = (uint8_t)((w->out != NULL) + (w->err != NULL));
        streams_abandon(w);
}

/* ---- the component */

/* Between two runs they stay; at the daemon's end they go with the streams. */
static void streams_on_step_done(struct supervisor *s, struct process *p, const struct step *step)
{
        bool rests = p->state == PS_STOPPED || p->state == PS_EXITED || p->state == PS_FATAL;

        if (step_is_transition(p, step) && p->worker && rests && s->daemon_state == DAEMON_RUNNING)
                streams_let_go(p->worker);
}

static void streams_on_exited(struct supervisor *s, struct process *p)
{
        (void)s;
        streams_finish(p->worker);
}

static bool streams_init(struct supervisor *s, struct err *e)
{
        (void)e;
        *streams_claims(s) = AUTO_CLAIMS_NONE;
        return true;
}

static void streams_release(struct supervisor *s)
{
        auto_claims_release(streams_claims(s));
}

const struct component component_streams = { .name = "streams",
                                             .size = sizeof(struct auto_claims),
                                             .init = streams_init,
                                             .release = streams_release,
                                             .on_process_added = streams_create,
                                             .on_step_done = streams_on_step_done,
                                             .on_exited = streams_on_exited };
