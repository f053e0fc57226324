/* Takes the escape sequences that Supervisor knows out of a piece of text, in place (compat 15). */
#include "logs/intake/strip_ansi.h"

#include <string.h>

size_t strip_ansi(char *data, size_t len)
{
        static const char ends[] = "HfABCDRsuJKhlpm";
        size_t to = 0, at = 0;

        while (at < len) {
                char *esc = memmem(data + at, len - at, "\033[", 2);
                size_t plain = esc ? (size_t)(esc - data) - at : len - at;

                if (to != at)
                        memmove(data + to, data + at, plain);
                to += plain;
                at += plain;
                if (!esc)
                        break;
                at += 2;
                while (at < len && !memchr(ends, data[at], sizeof ends - 1))
                        at++;
                at += at < len; /* the letter that ends it */
        }
        return to;
}
