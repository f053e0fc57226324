/* Which handler a request goes to: compat section 19, first match wins. */
#include <string.h>

#include "api/server.h"

static void handle_unknown(struct request *r)
{
        bool asked = strcmp(r->method, "GET") == 0 || strcmp(r->method, "HEAD") == 0;

        reply_error_page(r, asked ? 404 : 400);
}

/* A POST that does not say how long it is was cut short, or is not one. */
static void handle_call(struct request *r)
{
        if (strcmp(r->method, "POST") != 0)
                reply_error_page(r, 400);
        else if (!request_header(r, "Content-Length") && !request_header(r, "Transfer-Encoding"))
                reply_error_page(r, 411);
        else
                xmlrpc_handle(r);
}

static const struct target {
        const char *path;
        bool prefix;
        void (*handle)(struct request *r);
} targets[] = {
        { "/RPC2", true, handle_call },           { "/logtail", true, logtail_handle },
        { "/mainlogtail", true, logtail_handle }, { "/v1/", true, rest_handle },
        { "/healthz", false, rest_handle },       { "/", false, page_handle },
        { "/index.html", false, page_handle },    { "/tail.html", false, page_handle },
        { "/ok.html", false, page_handle },       { "", true, handle_unknown },
};

void route(struct request *r)
{
        const struct target *t = targets;

        while (t->prefix ? strncmp(r->path, t->path, strlen(t->path)) != 0
                         : strcmp(r->path, t->path) != 0)
                t++;
        t->handle(r);
}
