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

/* XML-RPC answers. */
#define XML_OK(value)                                                               \
        "<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n<value>" value \
        "</value>\n</param>\n</params>\n</methodResponse>\n"
#define XML_FAULT(code, text)                                                                \
        "<?xml version='1.0'?>\n<methodResponse>\n<fault>\n<value><struct>\n<member>\n"      \
        "<name>faultCode</name>\n<value><int>" #code "</int></value>\n</member>\n<member>\n" \
        "<name>faultString</name>\n<value><string>" text "</string></value>\n</member>\n"    \
        "</struct></value>\n</fault>\n</methodResponse>\n"
#define XML_INFO(group, name, state, word, description)                                         \
        "<value><struct><member><name>name</name><value><string>" name                          \
        "</string></value></member><member><name>group</name><value><string>" group             \
        "</string></value></member><member><name>state</name><value><int>" #state               \
        "</int></value></member><member><name>statename</name><value><string>" word             \
        "</string></value></member><member><name>description</name><value><string>" description \
        "</string></value></member><member><name>pid</name><value><int>42</int></value>"        \
        "</member></struct></value>"
#define XML_STATUS(group, name, status, text)                                         \
        "<value><struct><member><name>name</name><value><string>" name                \
        "</string></value></member><member><name>group</name><value><string>" group   \
        "</string></value></member><member><name>status</name><value><int>" #status   \
        "</int></value></member><member><name>description</name><value><string>" text \
        "</string></value></member></struct></value>"
#define XML_ARRAY(items) "<array><data>" items "</data></array>"

#define RULE_XML(when, body)                   \
        {                                      \
                when, 200, "text/xml", body, 0 \
        }
#define RULE_JSON(when, body)                          \
        {                                              \
                when, 200, "application/json", body, 0 \
        }
#define RULE_UP RULE_XML("supervisor.getVersion", XML_OK("<string>3.0</string>"))

#define FAKE_DAEMON(d, ...)                                          \
        fake_daemon_start((d), (const struct rule[]){ __VA_ARGS__ }, \
                          sizeof((const struct rule[]){ __VA_ARGS__ }) / sizeof(struct rule))

#endif
