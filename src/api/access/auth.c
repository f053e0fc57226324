/* Checks the Authorization header of a request against a server's user and password. Compares
 * secrets in a time that does not depend on them, and never logs one. */
#include "api/access/auth.h"

#include <sha1.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "wire/base64.h"

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
        SHA1Data((const uint8_t *)given, len, hex);
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
        if (!base64_decode(header, true, &text))
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
