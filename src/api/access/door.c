/* What a caller may have done, by who it is, by the server and by what a row does. A web page is
 * refused before a password is asked for; over the Unix socket there are no pages. */
#include "api/access/door.h"

#include <unistd.h>

#include "api/access/auth.h"

bool door_is_owner(const struct caller *c)
{
        return c->known && (c->uid == 0 || c->uid == geteuid());
}

struct door_answer door_decide(const struct door_ask *ask, enum right right)
{
        struct door_answer a = { .granted = RIGHT_NONE };

        if (right == RIGHT_NONE)
                return a;
        if (ask->server->kind == SERVER_INET)
                a.why = browser_refusal(&ask->browser, ask->server, ask->hostname);
        enum auth_verdict auth = a.why ? AUTH_OPEN : auth_check(ask->server, ask->authorization);
        a.knows_password = auth == AUTH_OK;
        if (a.why)
                a.status = 403;
        else if (auth == AUTH_DENIED)
                a.status = 401;
        else if (auth == AUTH_GARBLED)
                a.status = 400;
        else
                a.granted = door_is_owner(ask->caller) ? RIGHT_OWNER : RIGHT_ADMIN;
        if (a.status == 0 && right > a.granted)
                a.status = 403;
        return a;
}
