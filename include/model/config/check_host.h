/* Which hosts have to be looked up? Names are looked up once, when the file is
 * read: the main loop never waits for a name server. Pure. */
#ifndef MODEL_CONFIG_CHECK_HOST_H
#define MODEL_CONFIG_CHECK_HOST_H

#include <stdbool.h>
#include <stddef.h>

/* text: a whole healthcheck value, expanded. True: *host is a name that is neither localhost nor an
 * address. */
bool check_host(const char *text, char *host, size_t size);

/* Does it have to be looked up? Not "", localhost or an address in digits. */
bool host_is_name(const char *host);

#endif
