/* The daemon's wiring, shared by its parts: what it is made of, and who does what. */
#ifndef DAEMON_H
#define DAEMON_H

#include <ev.h>
#include <signal.h>

#include "api/http/server.h"
#include "engine/core/supervisor.h"
#include "engine/order/lookup.h"
#include "engine/watch/service.h"
#include "logs/mainlog/mainlog.h"
#include "model/config/cmdline.h"
#include "sys/store/handover.h"

enum { EXIT_REFUSED = 2, EXIT_FAILED = 1 };

struct daemon {
        struct cmdline cmd;
        const char *argv0;
        struct lookups *names; /* owned */
        const struct host *host;
        struct reading hangup; /* SIGHUP came, and the file is being read */
        bool has_hung_up;
        struct config *config; /* until the supervisor takes it */
        struct diags diags;    /* of the start: told to the main log */
        struct mainlog *mainlog;
        struct ev_loop *loop;
        struct supervisor sup;
        struct api *api;
        struct service service;
        sigset_t original_mask;
        int pidfile;
        char *pidfile_path;
        struct err pidfile_error; /* why there is none */
        ev_signal signals[NSIG];
        int signal_count;
        ev_io child_signal; /* a signalfd: libev's would not say who has ended */
        ev_timer farewell;
        int farewells;
        struct handover handover;
        char *binary;      /* owned: what we were started from */
        char *next_binary; /* owned: to become it as soon as everybody has an answer; or NULL */
        bool refused;
};

/* ---- daemon_config.c: the file, and what it says */

/* "Error: ..." on stderr; the exit code. */
int daemon_refuse(const struct daemon *d, const char *text);
/* False: exit with *code. */
bool daemon_read_config(struct daemon *d, int *code);
struct mainlog_conf daemon_log_conf(const struct settings *s);
/* What reading the file had to say: criticals, warnings, infos (compat section 8). */
void daemon_tell_diags(struct log *log, const struct diags *d);

/* ---- daemon_signals.c */

void daemon_watch_signals(struct daemon *d);
void daemon_unwatch_signals(struct daemon *d);
bool daemon_watch_children(struct daemon *d, struct err *e);

/* ---- daemon_turns.c: another configuration, another image, the end */

/* The supervisor's calls to us. */
void daemon_hook(struct daemon *d);
void daemon_hook_farewell(struct daemon *d);

#endif
