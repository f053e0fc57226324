/* How long a character of UTF-8 is, how many a text has, and how much of one was begun at the end
 * of a piece. Overlong forms and surrogates are no characters. */
#include "base/utf8.h"

#include <string.h>

size_t utf8_length(const unsigned char *s, size_t left)
{
        static const struct {
                unsigned char mask, lead, low, high; /* of the second byte */
                size_t len;
        } forms[] = {
                { 0xff, 0xe0, 0xa0, 0xbf, 3 }, { 0xff, 0xed, 0x80, 0x9f, 3 },
                { 0xff, 0xf0, 0x90, 0xbf, 4 }, { 0xff, 0xf4, 0x80, 0x8f, 4 },
                { 0xf0, 0xe0, 0x80, 0xbf, 3 }, { 0xfc, 0xf0, 0x80, 0xbf, 4 },
        };

        if (s[0] < 0x80)
                return 1;
        if (s[0] >= 0xc2 && s[0] <= 0xdf)
                return left >= 2 && (s[1] & 0xc0) == 0x80 ? 2 : 0;
        for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
                if ((s[0] & forms[i].mask) != forms[i].lead)
                        continue;
                if (left < forms[i].len || s[1] < forms[i].low || s[1] > forms[i].high)
                        return 0;
                for (size_t k = 2; k < forms[i].len; k++)
                        if ((s[k] & 0xc0) != 0x80)
                                return 0;
                return forms[i].len;
        }
        return 0;
}

size_t utf8_characters(const char *text)
{
        size_t left = strlen(text), count = 0;

        for (; left > 0; count++) {
                size_t n = utf8_length((const unsigned char *)text, left);
                text += n ? n : 1;
                left -= n ? n : 1;
        }
        return count;
}

int utf8_padding(const char *text, int columns)
{
        return columns + (int)(strlen(text) - utf8_characters(text));
}

size_t utf8_begun(const char *text, size_t len)
{
        const unsigned char *s = (const unsigned char *)text;

        for (size_t n = 1; n <= 3 && n <= len; n++) {
                unsigned char c = s[len - n];
                if ((c & 0xc0) == 0x80)
                        continue;
                size_t whole = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
                return whole > n ? n : 0;
        }
        return 0;
}
