/* Which handler a request goes to: compat section 19, first match wins. */
#include <string.h>

#include "api/http/server.h"
#include "wire/http_parse.h"

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
        struct route_row row;
} targets[] = {
        { "/RPC2", true, handle_call, { RIGHT_READ, HTTP_BODY_MAX } }, /* and its method's */
        { "/logtail", true, logtail_handle, { RIGHT_READ, BODY_USUAL } },
        { "/mainlogtail", true, logtail_handle, { RIGHT_READ, BODY_USUAL } },
        { "/v1/", true, rest_handle, { 0 } }, /* its route's */
        { "/healthz", false, rest_handle, { 0 } },
        { "/", false, page_index, { RIGHT_READ, BODY_USUAL } },
        { "/index.html", false, page_index, { RIGHT_READ, BODY_USUAL } },
        { "/tail.html", false, page_tail, { RIGHT_READ, BODY_USUAL } },
        { "/ok.html", false, page_ok, { RIGHT_READ, BODY_USUAL } },
        { "", true, handle_unknown, { RIGHT_READ, BODY_USUAL } },
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

struct route_row route_row(const struct request *r)
{
        const struct target *t = target_of(r->path);

        return t->handle == rest_handle ? rest_row(r) : t->row;
}
