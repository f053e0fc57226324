/* What a web page can make a browser send to a TCP server: one rule for every path that has
 * something to tell. No
 * client of XML-RPC sends Origin or Sec-Fetch-Site. Pure. */
#ifndef API_ACCESS_BROWSER_H
#define API_ACCESS_BROWSER_H

#include <stdbool.h>

#include "model/config/config.h"

/* What it is judged by; headers are NULL where they are not there. */
struct browser_ask {
        const char *method;
        const char *path; /* decoded, without the query */
        const char *host, *origin;
        const char *site, *mode, *dest; /* Sec-Fetch-... */
        bool two_origins, two_sites;    /* more than one of that header */
};

/* NULL: served. Else why it is answered with 403; static. */
const char *browser_refusal(const struct browser_ask *a, const struct server_conf *server,
                            const char *hostname);

/* Is `host` (the value of a Host header, NULL: none) a name that only this machine's own users
 * would type: an address, localhost, the server's own host, the machine's name, one of
 * allowed_hosts? Anything else may be a web page's name that was pointed here. Ports do not
 * matter. */
bool browser_host_is_ours(const char *host, const struct server_conf *server, const char *hostname);
/* Is `origin` the host and port that was asked for? One of allowed_hosts may have the port that was
 * asked for, or its scheme's own: a proxy that gives us another Host. */
bool browser_origin_is_ours(const char *origin, const char *host, const struct server_conf *server);

#endif
