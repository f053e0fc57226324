/* The address of the daemon as the user wrote it, taken apart (compat 2). Looks nothing up. */
#include "ctl/transport/url.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

void url_release(struct url *u)
{
        free(u->text);
        free(u->path);
        free(u->host);
        free(u->port);
        *u = (struct url){ .kind = URL_OTHER };
}

static size_t scheme_len(const char *s)
{
        size_t n = 0;

        if (!isalpha((unsigned char)s[0]))
                return 0;
        while (isalnum((unsigned char)s[n]) || strchr("+-.", s[n] ? s[n] : ' '))
                n++;
        return s[n] == ':' ? n : 0;
}

/* "user:secret@[::1]:9001" without the path behind it -> host and port. */
static bool url_split_authority(const char *s, size_t len, struct url *out)
{
        const char *end = s + len;

        for (const char *p = s; p < end; p++)
                if (*p == '@')
                        s = p + 1;
        const char *host = s, *host_end, *port;
        if (s < end && *s == '[') {
                const char *close = memchr(s, ']', (size_t)(end - s));
                host = s + 1;
                host_end = close ? close : end;
                port = close && close + 1 < end && close[1] == ':' ? close + 2 : NULL;
        } else {
                const char *colon = memchr(s, ':', (size_t)(end - s));
                host_end = colon ? colon : end;
                port = colon ? colon + 1 : NULL;
        }
        out->host = strndup(host, (size_t)(host_end - host));
        out->port = port && port < end ? strndup(port, (size_t)(end - port)) : strdup("80");
        return out->host && out->port;
}

bool url_parse(const char *text, struct url *out, struct err *e)
{
        size_t scheme = scheme_len(text);
        const char *rest = text + scheme + 1;
        bool slashes = scheme && strncmp(rest, "//", 2) == 0;

        *out = (struct url){ .kind = URL_OTHER };
        if (!scheme || !rest[slashes ? 2 : 0])
                return err_set(e, ERR_USAGE, "value '%s' is not a URL", text);
        out->text = strdup(text);
        bool ok = out->text != NULL;
        if (slashes && scheme == 4 && strncasecmp(text, "unix", 4) == 0) {
                out->kind = URL_UNIX;
                out->path = strdup(rest + 2);
                ok = ok && out->path;
        } else if (slashes && scheme == 4 && strncasecmp(text, "http", 4) == 0) {
                out->kind = URL_HTTP;
                ok = ok && url_split_authority(rest + 2, strcspn(rest + 2, "/?#"), out);
        }
        if (ok)
                return true;
        url_release(out);
        return err_nomem(e);
}

bool url_is_usable(const struct url *u)
{
        if (u->kind == URL_UNIX)
                return u->path && *u->path;
        return u->kind == URL_HTTP && u->host && *u->host;
}
