/* The insides of probes, shared by the files that know how to ask: probes.c keeps time and results,
 * probe_exec.c, probe_net.c and probe_http.c ask. No other file includes this. */
#ifndef ENGINE_WATCH_PROBE_KINDS_H
#define ENGINE_WATCH_PROBE_KINDS_H

#include <ev.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/strlist.h"
#include "engine/watch/probes.h"

#define PROBE_OUTPUT_MAX 1024

struct probe_child; /* an exec probe's process, until it is reaped */
struct http_asking; /* a request and the answer that is being read */

struct probe_address {
        socklen_t len;
        union {
                struct sockaddr any;
                struct sockaddr_in v4;
                struct sockaddr_in6 v6;
                struct sockaddr_un local;
        } at;
};

/* Where tcp, unix and http probes connect to: all addresses of the host, tried in turn. "localhost"
 * is both loopback addresses. */
struct probe_target {
        struct probe_address *addresses; /* owned */
        int count;
        char *authority; /* owned: "127.0.0.1:80" or the path, for messages and Host: */
        char *path;      /* owned: http: "/health?x=1"; else NULL */
};

/* Host names are what `w` knows of them from reading the configuration. */
bool probe_target_parse(enum check_kind kind, const char *text, const struct host *w,
                        struct probe_target *out, struct err *e);
void probe_target_release(struct probe_target *t);

/* How one kind of probe asks. */
struct probe_kind {
        /* Once per start of the process; false: *e is what every asking will fail with. */
        bool (*prepare)(struct probe *pr, const char *target, struct err *e);
        /* Begin; ends in probe_answer, now or later. */
        void (*ask)(struct probe *pr);
        /* Let go of what is under way. May be called at any time. */
        void (*cut)(struct probe *pr);
        /* Time is up: answer by what is known already. False or NULL: nothing is. */
        bool (*conclude)(struct probe *pr);
        void (*release)(struct probe *pr);
};

extern const struct probe_kind probe_by_exec, probe_by_connect, probe_by_http;

struct probe {
        struct supervisor *sup;        /* borrowed */
        struct worker *worker;         /* borrowed */
        struct process *process;       /* borrowed */
        const struct probe_kind *kind; /* NULL: nothing to ask */
        struct program *program;       /* reference: what is asked by; NULL with kind */
        char *refusal;                 /* owned: why it cannot be asked at all; NULL: it can */
        bool active, asking;
        bool is_old;    /* the target is to be made anew: the configuration was read again */
        bool at_once;   /* the first question was not spread: what follows success is */
        bool reporting; /* a result is being told: the memory must stay */
        bool doomed;    /* freed meanwhile: the function that tells the result frees the memory */
        ev_timer timer; /* the pause before, or the limit of, an asking */
        ev_timer turn;  /* the limit of one address, while others are still to be tried */
        ev_io io;       /* the one descriptor that is waited for */
        int fd;         /* owned: pipe or connection; -1: none */
        struct buf output; /* of the asking under way, at most PROBE_OUTPUT_MAX */
        int64_t began_ms, began_wall_ms;

        struct buf last_output;
        bool any, last_ok;
        int64_t last_wall_ms, last_ms;

        /* exec */
        struct strlist argv;
        gid_t *groups; /* owned; NULL: the user is not changed */
        int group_count;
        struct probe_child *child; /* owned by the table; NULL: none is alive */

        /* tcp, unix, http */
        struct probe_target target;
        int next_address;
        int dial_errno; /* of the first address that failed */
        void (*on_connected)(struct probe *pr);
        struct http_asking *http; /* owned; NULL: none under way */
};

/* The asking is over. `fmt` puts words in front of the output; NULL: only the output. */
void probe_answer(struct probe *pr, bool ok, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Keep what fits. */
void probe_keep(struct probe *pr, const char *data, size_t len);
/* Wait for the descriptor in pr->fd, or close it. */
void probe_watch(struct probe *pr, int events, void (*on_ready)(EV_P_ ev_io *w, int revents));
void probe_close(struct probe *pr);

/* Connect to the target's addresses in turn, each with its share of the time that is left, so that
 * one that never answers does not hide the others; `on_connected` is called with pr->fd open and
 * not watched, else the probe is answered. */
void probe_dial(struct probe *pr, void (*on_connected)(struct probe *pr));

#endif
