/* A daemon of canned answers on a Unix socket, in a process of its own. */
#ifndef TESTS_CTL_FAKE_DAEMON_H
#define TESTS_CTL_FAKE_DAEMON_H

#include <stdio.h>
#include <sys/types.h>

#include "ctl/ctl.h"

/* The first rule whose `when` is found in the request (head and body) answers. */
struct rule {
        const char *when;
        int status;
        const char *type, *body;
        int hold_ms; /* wait so long before the answer, serving others meanwhile */
};

struct fake_daemon {
        pid_t pid;
        char dir[64], url[128];
        struct ctl ctl;            /* a client that talks to it */
        char *out_text, *err_text; /* what it printed; valid after fake_daemon_said */
        size_t out_len, err_len;
};

void fake_daemon_start(struct fake_daemon *d, const struct rule *rules, size_t count);
void fake_daemon_stop(struct fake_daemon *d);
const char *fake_daemon_said(struct fake_daemon *d); /* standard output so far */
const char *fake_daemon_complained(struct fake_daemon *d);

/* Documents of /v1, and rules that answer with them. */
#define PROCESS(group, name, code, word, description)                            \
        "{\"group\":\"" group "\",\"process\":\"" name "\",\"statecode\":" #code \
        ",\"state\":\"" word "\",\"description\":\"" description "\",\"pid\":42}"
#define LIST_OF(items, state, version) \
        "{\"processes\":[" items "],\"state\":\"" state "\",\"rpc_version\":" version "}"
#define LIST(items) LIST_OF(items, "RUNNING", "\"3.0\"")
#define INFO(state, version)                                                \
        "{\"pid\":4711,\"supervisor_version\":\"4.2.5\",\"state\":\"" state \
        "\",\"rpc_version\":" version "}"
/* A line of results. */
#define DONE(name) "{\"name\":\"" name "\",\"ok\":true,\"code\":\"OK\",\"detail\":null}\n"
#define REFUSED(name, code) \
        "{\"name\":\"" name "\",\"ok\":false,\"code\":\"" code "\",\"detail\":null}\n"
#define RESTARTED(name, ran)                                                                      \
        "{\"name\":\"" name "\",\"ok\":true,\"code\":\"OK\",\"detail\":null,\"was_running\":" ran \
        "}\n"

#define RULE_JSON(when, body)                          \
        {                                              \
                when, 200, "application/json", body, 0 \
        }
#define RULE_LINES(when, body)                             \
        {                                                  \
                when, 200, "application/x-ndjson", body, 0 \
        }
#define RULE_PROBLEM(when, status, code, detail)                           \
        {                                                                  \
                when, status, "application/problem+json",                  \
                    "{\"code\":\"" code "\",\"detail\":\"" detail "\"}", 0 \
        }
#define RULE_UP RULE_JSON("GET /v1/info", INFO("RUNNING", "\"3.0\""))

#define FAKE_DAEMON(d, ...)                                          \
        fake_daemon_start((d), (const struct rule[]){ __VA_ARGS__ }, \
                          sizeof((const struct rule[]){ __VA_ARGS__ }) / sizeof(struct rule))

#endif
