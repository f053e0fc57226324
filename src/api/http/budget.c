/* One budget of memory for all that waits for clients or comes from them: answers that are not
 * read, heads and bodies that are not whole. Who does not read costs himself, not the daemon. */
#include "api/http/conn.h"

void budget_count(struct conn *c)
{
        size_t now =
            c->in.len + c->out.len + c->rest.len + c->req.body.len + http_parse_bytes(c->parse);

        if (c->state == CONN_DEAD && c->place == PLACE_COUNT)
                now = 0;
        c->api->held += now - c->held;
        c->held = now;
}

bool budget_is_short(const struct api *a)
{
        return a->budget > 0 && a->held > a->budget;
}

/* The oldest that holds more than a little, and for which no handler works. */
static struct conn *budget_pick(const struct conn *spared, bool trusted)
{
        for (struct conn *c = spared->api->conns; c; c = c->next)
                if (c != spared && c->trusted == trusted && c->held > BUDGET_LITTLE &&
                    c->state != CONN_BUSY)
                        return c;
        return NULL;
}

bool budget_fits(struct conn *c)
{
        struct api *a = c->api;

        if (c->held <= BUDGET_LITTLE)
                return true;
        while (budget_is_short(a)) {
                struct conn *oldest = budget_pick(c, false);
                if (!oldest && c->trusted)
                        oldest = budget_pick(c, true);
                if (!oldest) /* one alone may be larger: a list of a very large fleet */
                        return a->held - c->held <= a->budget / 4;
                conn_close(oldest);
        }
        return true;
}
