/* Finds the host in the address of a health check or socket, and says whether it is a name that
 * has to be looked up. Works on the text alone: nothing is resolved here. */
#include "model/config/check_host.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

static const char *authority_of(const char *text)
{
        static const char *const schemes[] = { "http://", "tcp://" };

        for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
                if (strncmp(text, schemes[i], strlen(schemes[i])) == 0)
                        return text + strlen(schemes[i]);
        return NULL;
}

bool check_host(const char *text, char *host, size_t size)
{
        const char *at = authority_of(text);

        if (!at || *at == '[')
                return false;
        size_t len = strcspn(at, ":/?#");
        if (len == 0 || len >= size)
                return false;
        memcpy(host, at, len);
        host[len] = '\0';
        return host_is_name(host);
}

bool host_is_name(const char *host)
{
        struct in_addr v4;
        struct in6_addr v6;

        return *host && !strchr(host, '%') && strcasecmp(host, "localhost") != 0 &&
               inet_pton(AF_INET, host, &v4) != 1 && inet_pton(AF_INET6, host, &v6) != 1;
}
