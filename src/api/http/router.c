/* Which handler a request goes to: compat section 19, first match wins. */
#include <string.h>

#include "api/http/server.h"
#include "wire/http_parse.h"

#define BODY_USUAL (64u << 10) /* orders have a few words */
#define TO_STDIN   "/stdin"    /* and this one has what a worker reads */

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
        size_t body_max;
} targets[] = {
        { "/RPC2", true, handle_call, HTTP_BODY_MAX },
        { "/logtail", true, logtail_handle, BODY_USUAL },
        { "/mainlogtail", true, logtail_handle, BODY_USUAL },
        { "/v1/", true, rest_handle, BODY_USUAL },
        { "/healthz", false, rest_handle, BODY_USUAL },
        { "/", false, page_handle, BODY_USUAL },
        { "/index.html", false, page_handle, BODY_USUAL },
        { "/tail.html", false, page_handle, BODY_USUAL },
        { "/ok.html", false, page_handle, BODY_USUAL },
        { "", true, handle_unknown, BODY_USUAL },
};

static const struct target *target_of(const char *path)
{
        const struct target *t = targets;

        while (t->prefix ? strncmp(path, t->path, strlen(t->path)) != 0
                         : strcmp(path, t->path) != 0)
                t++;
        return t;
}

void route(struct request *r)
{
        target_of(r->path)->handle(r);
}

size_t route_body_max(const char *path)
{
        size_t len = strlen(path), end = strlen(TO_STDIN);
        const struct target *t = target_of(path);

        if (t->handle == rest_handle && len > end && strcmp(path + len - end, TO_STDIN) == 0)
                return HTTP_BODY_MAX;
        return t->body_max;
}
