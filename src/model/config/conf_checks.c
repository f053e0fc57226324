/* Rules between the options of a program, and the expansion of every process that it stands for. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "model/config/check_host.h"
#include "model/config/conf_load.h"
#include "model/config/pytext.h"
#include "model/config/recipe.h"

#define MOST_PROCESSES 1000000

/* A check on its way. */
struct check {
        struct load *l;
        struct filling *f;
        struct program *p;
        const char *group;
        char *good_dir; /* owned: the last log directory that was there, so that it is asked once */
        struct strlist hosts; /* asked for already */
        struct recipe_fault fault;
};

static const struct conf_key *conf_checks_key_of(const struct check *c, const char *key)
{
        return conf_doc_key(&c->l->doc, c->f->section, key);
}

static bool is_set(const struct check *c, const char *key)
{
        return conf_checks_key_of(c, key) != NULL;
}

/* ---- Supervisor's rules */

static bool check_command(struct check *c)
{
        if (is_set(c, "command"))
                return true;
        load_error_in(c->l, c->f->section, NULL, "write: command = /path/to/program",
                      "program section %s does not specify a command", c->p->section);
        return false;
}

static bool check_numbers(struct check *c)
{
        struct program *p = c->p;
        bool named = p->process_name && strstr(p->process_name, "%(process_num)");
        const struct conf_key *k = conf_checks_key_of(c, "process_name");

        if (p->numprocs < 0) {
                load_warn(c->l, c->f->section, conf_checks_key_of(c, "numprocs"), "it counts as 0",
                          "numprocs=%d is less than none", p->numprocs);
                p->numprocs = 0;
        }
        if (p->numprocs > MOST_PROCESSES ||
            (p->numprocs > 0 && p->numprocs_start > INT_MAX - p->numprocs)) {
                load_error_in(c->l, c->f->section, conf_checks_key_of(c, "numprocs"), NULL,
                              "numprocs=%d from %d on is out of range", p->numprocs,
                              p->numprocs_start);
                return false;
        }
        if (p->numprocs > 1 && !named) {
                load_error_in(c->l, c->f->section, k ? k : conf_checks_key_of(c, "numprocs"),
                              "for example: process_name = %(program_name)s_%(process_num)02d",
                              "%%(process_num) must be present within process_name when "
                              "numprocs > 1");
                return false;
        }
        if (p->numprocs > 1 && !program_numbers_workers(p))
                load_warn(c->l, c->f->section, k, "only one process is kept",
                          "process_name is the same for all %d processes", p->numprocs);
        return true;
}

static void check_stop(struct check *c)
{
        if (c->p->stopasgroup && c->p->killasgroup == 0)
                load_error_in(c->l, c->f->section, conf_checks_key_of(c, "killasgroup"),
                              "leave killasgroup out, or set it to true",
                              "Cannot set stopasgroup=true and killasgroup=false");
        if (c->p->killasgroup < 0)
                c->p->killasgroup = c->p->stopasgroup;
}

/* ---- logs */

static void settle_channel(struct check *c, const char *key, const char *syslog_key,
                           struct channel_conf *conf)
{
        if (!conf->logfile)
                return;
        if (strcmp(conf->logfile, "AUTO") == 0 && conf->maxbytes == 0)
                load_quote(
                    c->l, c->f->section, conf_checks_key_of(c, key),
                    "For [%s], AUTO logging used for %s without rollover, set maxbytes > 0 to "
                    "avoid filling up filesystem unintentionally",
                    c->p->section, key);
        if (strcmp(conf->logfile, "syslog") != 0)
                return;
        load_quote(c->l, c->f->section, conf_checks_key_of(c, key),
                   "For [%s], %s=syslog but this is deprecated and will be removed.  Use "
                   "%s=true to enable syslog instead.",
                   c->p->section, key, syslog_key);
        conf->syslog = true;
        free(conf->logfile);
        conf->logfile = NULL;
}

static void settle_logs(struct check *c)
{
        struct program *p = c->p;
        const char *err = p->err.logfile;
        bool named = err && strcmp(err, "AUTO") != 0 && strcmp(err, "syslog") != 0;

        if (p->redirect_stderr && named)
                load_quote(
                    c->l, c->f->section, conf_checks_key_of(c, "stderr_logfile"),
                    "For [%s], redirect_stderr=true but stderr_logfile has also been set to a "
                    "filename, the filename has been ignored",
                    p->section);
        settle_channel(c, "stdout_logfile", "stdout_syslog", &p->out);
        if (p->redirect_stderr && named) {
                free(p->err.logfile);
                p->err.logfile = NULL;
        }
        settle_channel(c, "stderr_logfile", "stderr_syslog", &p->err);
        if (p->redirect_stderr) {
                free(p->err.logfile);
                p->err.logfile = NULL;
        }
}

/* ---- rules of ours */

static void check_bounds(struct check *c)
{
        const struct program *p = c->p;
        const struct conf_section *s = c->f->section;
        bool bounded = p->numprocs_max > 0;

        if (bounded && p->numprocs_min > p->numprocs_max)
                load_error_in(c->l, s, conf_checks_key_of(c, "numprocs_min"), NULL,
                              "numprocs_min=%d is more than numprocs_max=%d", p->numprocs_min,
                              p->numprocs_max);
        else if (p->numprocs < p->numprocs_min)
                load_error_in(c->l, s, conf_checks_key_of(c, "numprocs_min"), NULL,
                              "numprocs=%d is less than numprocs_min=%d", p->numprocs,
                              p->numprocs_min);
        else if (bounded && p->numprocs > p->numprocs_max)
                load_error_in(c->l, s, conf_checks_key_of(c, "numprocs_max"), NULL,
                              "numprocs=%d is more than numprocs_max=%d", p->numprocs,
                              p->numprocs_max);
        else if (p->numprocs <= 1 && (p->numprocs_max > 1 || p->numprocs_min > 1) &&
                 !program_numbers_workers(p))
                load_error_in(
                    c->l, s,
                    conf_checks_key_of(c, p->numprocs_max > 1 ? "numprocs_max" : "numprocs_min"),
                    "for example: process_name = %(program_name)s_%(process_num)02d",
                    "scaling to more than one process needs %%(process_num) in "
                    "process_name");
}

static void check_waits(struct check *c)
{
        const struct program *p = c->p;

        if (p->restart_delay_ms > p->restart_delay_max_ms)
                load_warn(
                    c->l, c->f->section, conf_checks_key_of(c, "restart_delay"),
                    "set restart_delay_max as well",
                    "restart_delay is longer than restart_delay_max, which is what is waited");
        if (p->start_timeout_ms > 0 && p->ready == READY_UPTIME &&
            p->start_timeout_ms <= p->startsecs * 1000LL)
                load_error_in(c->l, c->f->section, conf_checks_key_of(c, "start_timeout"),
                              "make start_timeout longer, or startsecs shorter",
                              "start_timeout is over before startsecs=%d: no start could succeed",
                              p->startsecs);
        else if (p->start_timeout_ms > 0 && p->ready == READY_UPTIME)
                load_warn(c->l, c->f->section, conf_checks_key_of(c, "start_timeout"),
                          "add ready=healthcheck and a healthcheck",
                          "start_timeout has no effect without ready=healthcheck: who is up for "
                          "startsecs is RUNNING");
}

static void warn_check_times(struct check *c)
{
        const struct program *p = c->p;
        const struct conf_key *pause = conf_checks_key_of(c, "healthcheck_start_interval");
        bool early = p->healthcheck_start_period_ms > 0;

        if (pause && !early && p->ready != READY_HEALTHCHECK)
                load_warn(c->l, c->f->section, pause,
                          "add a healthcheck_start_period, or ready=healthcheck",
                          "healthcheck_start_interval has no effect without a "
                          "healthcheck_start_period");
        else if (pause && early &&
                 p->healthcheck_start_interval_ms >= p->healthcheck_start_period_ms)
                load_warn(c->l, c->f->section, pause,
                          "it is asked after half of healthcheck_start_period",
                          "healthcheck_start_interval is not shorter than "
                          "healthcheck_start_period");
        if (p->healthcheck_action != CHECK_ACT_NONE && p->autorestart == RESTART_NEVER)
                load_warn(c->l, c->f->section,
                          is_set(c, "healthcheck_action")
                              ? conf_checks_key_of(c, "healthcheck_action")
                              : conf_checks_key_of(c, "healthcheck"),
                          "set autorestart=true, or healthcheck_action=none",
                          "an unhealthy process is stopped for good: with autorestart=false it is "
                          "not started again");
}

static void check_health(struct check *c)
{
        static const char *const followers[] = {
                "healthcheck_interval",  "healthcheck_timeout",      "healthcheck_retries",
                "healthcheck_successes", "healthcheck_start_period", "healthcheck_start_interval",
                "healthcheck_action",
        };

        if (c->p->healthcheck.kind != CHECK_NONE) {
                warn_check_times(c);
                return;
        }
        if (c->p->ready == READY_HEALTHCHECK && !is_set(c, "healthcheck"))
                load_error_in(c->l, c->f->section, conf_checks_key_of(c, "ready"),
                              "add a healthcheck, for example: healthcheck = tcp://127.0.0.1:8080",
                              "ready=healthcheck needs a healthcheck");
        for (size_t i = 0; i < sizeof followers / sizeof *followers; i++)
                if (is_set(c, followers[i]) && !is_set(c, "healthcheck"))
                        load_warn(c->l, c->f->section, conf_checks_key_of(c, followers[i]),
                                  "add a healthcheck, for example: healthcheck = "
                                  "tcp://127.0.0.1:8080",
                                  "%s has no effect without a healthcheck", followers[i]);
}

/* ---- every process */

/* Which values differ from process to process? Without any, one expansion speaks for all. */
static bool is_numbered(const struct program *p)
{
        const char *const templates[] = {
                p->command,        p->directory,        p->environment,        p->out.logfile,
                p->err.logfile,    p->on_fatal.command, p->healthcheck.target, p->out.syslog_tag,
                p->err.syslog_tag,
        };

        for (size_t i = 0; i < sizeof templates / sizeof *templates; i++)
                if (templates[i] && strstr(templates[i], "%(process_n"))
                        return true;
        return false;
}

static void fault_in(struct check *c, const char *key, const char *text)
{
        if (*text)
                load_error_in(c->l, c->f->section, conf_checks_key_of(c, key), NULL, "%s", text);
        else
                load_nomem(c->l);
}

/* A log's directory has to be there, like the parser asks it of names without expansions. */
static bool check_log(struct check *c, const char *key, const char *path)
{
        if (!path || !strchr(path, '/'))
                return true;
        char *dir = path_dirname(path);
        if (!dir) {
                load_nomem(c->l);
                return false;
        }
        bool known = c->good_dir && strcmp(dir, c->good_dir) == 0;
        if (!known && !c->l->w->is_dir(c->l->w, dir)) {
                load_error_in(c->l, c->f->section, conf_checks_key_of(c, key), NULL,
                              "The directory named as part of the path %s does not exist", path);
                free(dir);
                return false;
        }
        free(c->good_dir);
        c->good_dir = dir;
        return true;
}

/* What a template has become for this process. */
static bool check_tag(struct check *c, const char *key, const char *tag)
{
        struct err e = { 0 };

        if (!tag || opt_check(opt_find(c->f->kind, key), tag, c->l->w, &e))
                return true;
        fault_in(c, key, e.code == ERR_NOMEM ? "" : e.text);
        return false;
}

static void warn_unsplittable(struct check *c, const char *command)
{
        AUTO_STRLIST argv = STRLIST_INIT;
        AUTO_BUF quoted = BUF_INIT;
        struct err e = { 0 };
        unsigned cp;

        if (pytext_find_wide_space(command, strlen(command), &cp))
                load_warn(c->l, c->f->section, conf_checks_key_of(c, "command"),
                          "write an ordinary blank",
                          "the command has the character U+%04X, which looks like a blank and does "
                          "not part words",
                          cp);

        if (!command_split(command, &argv, &e) && e.code == ERR_NOMEM) {
                load_nomem(c->l);
        } else if (e.code != ERR_NONE) {
                pytext_repr(&quoted, command, strlen(command), false);
                load_warn(c->l, c->f->section, conf_checks_key_of(c, "command"),
                          "no start can succeed", "can't parse command %s: %s", buf_str(&quoted),
                          e.text);
        } else if (!argv.count) {
                load_warn(c->l, c->f->section, conf_checks_key_of(c, "command"),
                          "no start can succeed", "command is empty");
        }
}

static void warn_name(struct check *c, const char *name)
{
        if (name[strcspn(name, " :/")])
                load_warn(c->l, c->f->section, conf_checks_key_of(c, "process_name"),
                          "a name without blanks, ':' and '/' is easier to ask for",
                          "a process is called '%s'", name);
}

/* A further template, and what its parser says of the result. Caller frees; NULL: said. */
static char *expand_extra(struct check *c, const char *key, const char *text, int number)
{
        const struct opt *o = opt_find(c->f->kind, key);
        struct err e = { 0 };
        char *out = recipe_expand(c->p, c->group, number, c->l->w, key, text, &e);

        if (out && (!o || opt_check(o, out, c->l->w, &e)))
                return out;
        fault_in(c, key, e.code == ERR_NOMEM ? "" : e.text);
        free(out);
        return NULL;
}

/* Names are looked up while the file is read: the main loop never waits for a name server. */
static void conf_checks_look_up_host(struct check *c, const char *text)
{
        AUTO_STRLIST addresses = STRLIST_INIT;
        struct err why = { 0 };
        char host[256];

        if (!check_host(text, host, sizeof host) || strlist_has(&c->hosts, host))
                return;
        if (!strlist_add(&c->hosts, host))
                load_nomem(c->l);
        bool known = c->l->w->resolve(c->l->w, host, &addresses, &why);
        if (!known || why.code != ERR_NONE)
                load_warn(c->l, c->f->section, conf_checks_key_of(c, "healthcheck"),
                          known ? "the addresses that it had before are asked"
                                : "its checks fail until the configuration is read again",
                          "the host '%s' cannot be looked up now: %s", host, why.text);
}

/* "exec:COMMAND" has to fall into words, or it could never be run. Other texts are fine. */
static bool check_exec(struct check *c, const char *key, const char *text)
{
        AUTO_STRLIST argv = STRLIST_INIT;
        AUTO_BUF quoted = BUF_INIT;
        struct err e = { 0 };

        if (strncmp(text, "exec:", 5) != 0 || command_split(text + 5, &argv, &e))
                return true;
        if (e.code == ERR_NOMEM) {
                load_nomem(c->l);
                return false;
        }
        pytext_repr(&quoted, text + 5, strlen(text + 5), false);
        load_error_in(c->l, c->f->section, conf_checks_key_of(c, key),
                      "close each quote; a backslash stands before what it escapes",
                      "can't parse command %s: %s", buf_str(&quoted), e.text);
        return false;
}

static bool check_health_target(struct check *c, int number)
{
        if (!c->p->healthcheck.text)
                return true;
        char *text = expand_extra(c, "healthcheck", c->p->healthcheck.text, number);
        bool ok = text && check_exec(c, "healthcheck", text);
        if (ok)
                conf_checks_look_up_host(c, text);
        free(text);
        return ok;
}

static bool check_on_fatal(struct check *c, int number)
{
        const struct conf_key *k = conf_checks_key_of(c, "on_fatal");

        if (c->p->on_fatal.kind != FATAL_EXEC || !k)
                return true;
        char *text = expand_extra(c, "on_fatal", k->value, number);
        bool ok = text && check_exec(c, "on_fatal", text);
        free(text);
        return ok;
}

static bool check_process(struct check *c, int number, bool first)
{
        struct recipe_fault *fault = &c->fault;
        struct recipe r;
        bool ok = recipe_try(c->p, c->group, number, c->l->w, &r, fault);

        if (!ok)
                fault_in(c, fault->key, buf_str(&fault->text));
        if (ok && first && fault->dropped.len)
                load_warn(c->l, c->f->section, conf_checks_key_of(c, "environment"),
                          "put the value into double quotes", "text in environment is ignored: %s",
                          buf_str(&fault->dropped));
        if (ok && first) {
                warn_unsplittable(c, r.command);
                warn_name(c, r.name);
        }
        ok = ok && check_log(c, "stdout_logfile", r.out_logfile) &&
             check_log(c, "stderr_logfile", r.err_logfile) &&
             check_tag(c, "stdout_syslog_tag", r.out_tag) &&
             check_tag(c, "stderr_syslog_tag", r.err_tag) && check_health_target(c, number) &&
             check_on_fatal(c, number);
        recipe_release(&r);
        return ok;
}

/* The rest of a large fleet differs in its names only. */
static bool check_name(struct check *c, int number)
{
        struct err e = { 0 };
        char *name = recipe_name(c->p, c->group, number, c->l->w, &e);

        if (!name)
                fault_in(c, "process_name", e.code == ERR_NOMEM ? "" : e.text);
        free(name);
        return name != NULL;
}

static void check_processes(struct check *c)
{
        const struct program *p = c->p;
        bool numbered = is_numbered(p), ok = p->numprocs > 0;

        c->fault.keep_env = !p->environment || !strstr(p->environment, "process_num");

        for (int i = 0; i < p->numprocs && ok; i++) {
                int number = p->numprocs_start + i;
                ok = i == 0 || numbered ? check_process(c, number, i == 0) : check_name(c, number);
        }
        recipe_fault_release(&c->fault);
        strlist_release(&c->hosts);
        free(c->good_dir);
}

void load_check_program(struct load *l, struct filling *f, struct program *p, const char *group)
{
        struct check c = { .l = l, .f = f, .p = p, .group = group };
        bool has_command = check_command(&c), numbered = check_numbers(&c);

        check_stop(&c);
        settle_logs(&c);
        check_bounds(&c);
        check_waits(&c);
        check_health(&c);
        if (has_command && numbered && p->process_name)
                check_processes(&c);
}
