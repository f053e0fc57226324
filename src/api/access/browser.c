/* The one rule for what a web page can make a browser send: pages reach loopback and inner
 * networks, browsers add the password that they remember, and a page's own name can be made to
 * point here. Pure. */
#include "api/access/browser.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#define HOST_MAX 256

/* ---- authorities: "host", "host:port", "[v6]", "[v6]:port" */

struct authority {
        char name[HOST_MAX];
        char port[6]; /* without leading zeros; "" where it is the scheme's own */
};

static bool is_address(int family, const char *name)
{
        unsigned char addr[16];

        return inet_pton(family, name, addr) == 1;
}

static bool copy_port(const char *text, char out[6])
{
        size_t len = strspn(text, "0123456789");

        if (text[len] != '\0')
                return false;
        while (*text == '0')
                text++;
        if (strlen(text) > 5)
                return false;
        strcpy(out, text);
        return true;
}

/* False: malformed, or longer than any name. */
static bool browser_split_authority(const char *text, struct authority *out)
{
        bool is_v6 = text[0] == '[';
        const char *name = text + is_v6;
        size_t len = strcspn(name, is_v6 ? "]" : ":");
        const char *rest = name + len;

        if (len == 0 || len >= sizeof out->name || (is_v6 && *rest++ != ']'))
                return false;
        memcpy(out->name, name, len);
        out->name[len] = '\0';
        out->port[0] = '\0';
        if (is_v6 && !is_address(AF_INET6, out->name))
                return false;
        return *rest == '\0' || (*rest == ':' && copy_port(rest + 1, out->port));
}

static bool browser_same_address(int family, const char *a, const char *b)
{
        unsigned char left[16] = { 0 }, right[16] = { 0 };

        return inet_pton(family, a, left) == 1 && inet_pton(family, b, right) == 1 &&
               memcmp(left, right, sizeof left) == 0;
}

/* "box." is "box". */
static bool browser_same_name(const char *a, const char *b)
{
        size_t a_len = strlen(a), b_len = strlen(b);

        a_len -= a_len > 1 && a[a_len - 1] == '.';
        b_len -= b_len > 1 && b[b_len - 1] == '.';
        return (a_len == b_len && strncasecmp(a, b, a_len) == 0) ||
               browser_same_address(AF_INET6, a, b);
}

/* ---- whose names are ours */

static bool browser_is_allowed(const char *allowed, const char *name)
{
        while (allowed && *allowed) {
                size_t len = strcspn(allowed, ",");
                size_t from = strspn(allowed, " \t");
                char entry[HOST_MAX + 8];
                struct authority a;
                size_t n = from < len ? len - from : 0;
                while (n > 0 && strchr(" \t", allowed[from + n - 1]))
                        n--;
                if (n < sizeof entry) {
                        memcpy(entry, allowed + from, n);
                        entry[n] = '\0';
                        if (browser_split_authority(entry, &a) && browser_same_name(a.name, name))
                                return true;
                }
                allowed += len + (allowed[len] == ',');
        }
        return false;
}

bool browser_host_is_ours(const char *host, const struct server_conf *server, const char *hostname)
{
        struct authority a;

        if (!host || *host == '\0')
                return true; /* no browser leaves it out */
        if (!browser_split_authority(host, &a))
                return false;
        return is_address(AF_INET, a.name) || is_address(AF_INET6, a.name) ||
               browser_same_name(a.name, "localhost") ||
               (server->port.host && browser_same_name(a.name, server->port.host)) ||
               (hostname && browser_same_name(a.name, hostname)) ||
               browser_is_allowed(server->allowed_hosts, a.name);
}

/* "http" and "https" have a port of their own, which browsers leave out. */
static bool same_port(const char *a, const char *b, const char *usual)
{
        return strcmp(*a ? a : usual, *b ? b : usual) == 0;
}

bool browser_origin_is_ours(const char *origin, const char *host, const struct server_conf *server)
{
        bool tls = strncasecmp(origin, "https://", 8) == 0;
        const char *usual = tls ? "443" : "80";
        struct authority from, to;

        if (!tls && strncasecmp(origin, "http://", 7) != 0)
                return false;
        if (!browser_split_authority(origin + (tls ? 8 : 7), &from))
                return false;
        if (host && browser_split_authority(host, &to)) {
                if (browser_same_name(from.name, to.name))
                        return same_port(from.port, to.port, usual);
                if (same_port(from.port, to.port, usual) &&
                    browser_is_allowed(server->allowed_hosts, from.name))
                        return true;
        }
        return same_port(from.port, "", usual) &&
               browser_is_allowed(server->allowed_hosts, from.name);
}

/* ---- the rule */

static bool site_is_ours(const char *site)
{
        return strcasecmp(site, "same-origin") == 0 || strcasecmp(site, "none") == 0;
}

/* A link to the first page that was followed: what it shows does not go back to the page that has
 * the link. In a frame it could lead the hand. */
static bool follows_a_link(const struct browser_ask *a)
{
        return strcmp(a->method, "GET") == 0 && strcmp(a->path, "/") == 0 && a->mode &&
               strcasecmp(a->mode, "navigate") == 0 &&
               (!a->dest || strcasecmp(a->dest, "document") == 0);
}

const char *browser_refusal(const struct browser_ask *a, const struct server_conf *server,
                            const char *hostname)
{
        bool has_password = server->username && server->password;

        if (a->two_sites || (a->site && !site_is_ours(a->site) && !follows_a_link(a)))
                return "a page of another site asks (Sec-Fetch-Site): only this server's own page "
                       "may, also under one of the names in allowed_hosts";
        if (a->origin && (a->two_origins || !browser_origin_is_ours(a->origin, a->host, server)))
                return "foreign Origin: a page of another host or port asks; the name of a proxy "
                       "belongs into allowed_hosts";
        if (!has_password && !browser_host_is_ours(a->host, server, hostname))
                return "foreign Host: without a password only addresses, localhost, this "
                       "machine's name and the names in allowed_hosts are served";
        return NULL;
}
