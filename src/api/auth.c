#include "api/auth.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

static int base64_value(char c)
{
        static const char digits[] =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        const char *at = c ? strchr(digits, c) : NULL;

        return at ? (int)(at - digits) : -1;
}

bool base64_decode(const char *text, struct buf *out)
{
        size_t len = strlen(text);

        if (len % 4 != 0)
                return false;
        for (size_t i = 0; i < len; i += 4) {
                unsigned word = 0;
                int digits = 4;
                if (i + 4 == len)
                        digits -= (text[i + 3] == '=') + (text[i + 2] == '=' && text[i + 3] == '=');
                for (int k = 0; k < 4; k++) {
                        int v = k < digits ? base64_value(text[i + k]) : 0;
                        if (v < 0)
                                return false;
                        word = word << 6 | (unsigned)v;
                }
                for (int k = 0; k < digits - 1; k++)
                        buf_putc(out, (char)(word >> (16 - 8 * k)));
        }
        return !out->failed;
}

bool same_secret(const char *a, size_t a_len, const char *b, size_t b_len)
{
        volatile unsigned char diff = a_len != b_len;

        for (size_t i = 0; i < b_len; i++)
                diff |= (unsigned char)b[i] ^ (unsigned char)(a_len ? a[i % a_len] : ~b[i]);
        return diff == 0;
}

static bool password_is_right(const char *given, size_t len, const char *wanted)
{
        char hex[41];

        if (strncmp(wanted, "{SHA}", 5) != 0)
                return same_secret(given, len, wanted, strlen(wanted));
        sha1_hex(given, len, hex);
        return same_secret(hex, 40, wanted + 5, strlen(wanted + 5));
}

enum auth_verdict auth_check(const struct server_conf *server, const char *header)
{
        AUTO_BUF text = BUF_INIT;

        if (!server->username || !server->password)
                return AUTH_OPEN;
        if (!header || strncasecmp(header, "Basic ", 6) != 0)
                return AUTH_DENIED;
        header += 6;
        while (*header == ' ')
                header++;
        if (!base64_decode(header, &text))
                return AUTH_GARBLED;
        const char *user = buf_str(&text);
        const char *colon = memchr(user, ':', text.len);
        if (!colon)
                return AUTH_GARBLED;
        size_t user_len = (size_t)(colon - user);
        bool right_user = same_secret(user, user_len, server->username, strlen(server->username));
        bool right_word = password_is_right(colon + 1, text.len - user_len - 1, server->password);
        return right_user && right_word ? AUTH_OK : AUTH_DENIED;
}

/* The host part of "host", "host:port", "[v6]" or "[v6]:port". False: malformed or too long. */
static bool split_host(const char *host, char *out, size_t size)
{
        size_t len;

        if (host[0] == '[') {
                host++;
                len = strcspn(host, "]");
        } else {
                len = strcspn(host, ":");
        }
        if (len == 0 || len >= size)
                return false;
        memcpy(out, host, len);
        out[len] = '\0';
        return true;
}

static bool is_address(const char *name)
{
        unsigned char addr[16];

        return inet_pton(AF_INET, name, addr) == 1 || inet_pton(AF_INET6, name, addr) == 1;
}

bool auth_host_is_ours(const char *host, const struct server_conf *server, const char *hostname)
{
        char name[256];

        if (!host || *host == '\0')
                return true; /* no browser leaves it out */
        if (!split_host(host, name, sizeof name))
                return false;
        if (is_address(name) || strcasecmp(name, "localhost") == 0)
                return true;
        if (server->port.host && strcasecmp(name, server->port.host) == 0)
                return true;
        return hostname && strcasecmp(name, hostname) == 0;
}

bool auth_origin_is_ours(const char *origin, const char *host)
{
        const char *sep;

        if (!origin)
                return true;
        sep = strstr(origin, "://");
        return sep && host && strcasecmp(sep + 3, host) == 0;
}
