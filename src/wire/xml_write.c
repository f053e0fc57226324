/* Writes XML-RPC's values and answers, byte for byte as Supervisor's clients know them (compat
 * 20.1). Characters that XML does not allow are replaced. */
#include <stdint.h>
#include <string.h>

#include "base/utf8.h"
#include "wire/xml_write.h"

/* XML 1.0 section 2.2: of the controls only tab, newline and return; neither U+FFFE nor U+FFFF. */
static bool is_legal(const unsigned char *s, size_t len)
{
        if (len == 1)
                return s[0] >= 0x20 || s[0] == '\t' || s[0] == '\n' || s[0] == '\r';
        return !(len == 3 && s[0] == 0xef && s[1] == 0xbf && s[2] >= 0xbe);
}

static const char *escape_of(unsigned char c)
{
        switch (c) {
        case '&':
                return "&amp;";
        case '<':
                return "&lt;";
        case '>':
                return "&gt;";
        default:
                return NULL;
        }
}

/* Nearly all text is of these, and needs no second look. */
static bool xml_write_is_plain(unsigned char c)
{
        return c >= 0x20 && c < 0x80 && c != '&' && c != '<' && c != '>';
}

void xml_text(struct buf *out, const char *text, size_t len)
{
        const unsigned char *s = (const unsigned char *)text;
        size_t plain = 0; /* start of what can be copied as it is */

        for (size_t i = 0; i < len;) {
                if (xml_write_is_plain(s[i])) {
                        i++;
                        continue;
                }
                size_t n = utf8_length(s + i, len - i);
                const char *instead = n == 1 ? escape_of(s[i]) : n == 0 ? UTF8_REPLACEMENT : NULL;
                if (n > 0 && !instead && is_legal(s + i, n)) {
                        i += n;
                        continue;
                }
                buf_put(out, text + plain, i - plain);
                if (instead)
                        buf_puts(out, instead);
                i += n ? n : 1;
                plain = i;
        }
        buf_put(out, text + plain, len - plain);
}

void xml_string_n(struct buf *out, const char *s, size_t len)
{
        buf_lit(out, "<value><string>");
        xml_text(out, s, len);
        buf_lit(out, "</string></value>\n");
}

void xml_string(struct buf *out, const char *s)
{
        xml_string_n(out, s, strlen(s));
}

void xml_int(struct buf *out, int64_t n)
{
        bool fits = n >= INT32_MIN && n <= INT32_MAX;

        if (fits)
                buf_lit(out, "<value><int>");
        else
                buf_lit(out, "<value><double>");
        buf_put_int(out, n);
        if (fits)
                buf_lit(out, "</int></value>\n");
        else
                buf_lit(out, ".0</double></value>\n");
}

void xml_bool(struct buf *out, bool b)
{
        if (b)
                buf_lit(out, "<value><boolean>1</boolean></value>\n");
        else
                buf_lit(out, "<value><boolean>0</boolean></value>\n");
}

void xml_array_begin(struct buf *out)
{
        buf_lit(out, "<value><array><data>\n");
}

void xml_array_end(struct buf *out)
{
        buf_lit(out, "</data></array></value>\n");
}

void xml_struct_begin(struct buf *out)
{
        buf_lit(out, "<value><struct>\n");
}

void xml_struct_end(struct buf *out)
{
        buf_lit(out, "</struct></value>\n");
}

void xml_member_begin(struct buf *out, const char *name)
{
        buf_lit(out, "<member>\n<name>");
        xml_text(out, name, strlen(name));
        buf_lit(out, "</name>\n");
}

void xml_member_end(struct buf *out)
{
        buf_lit(out, "</member>\n");
}

void xml_member_string(struct buf *out, const char *name, const char *s)
{
        xml_member_begin(out, name);
        xml_string(out, s ? s : "");
        xml_member_end(out);
}

void xml_member_int(struct buf *out, const char *name, int64_t n)
{
        xml_member_begin(out, name);
        xml_int(out, n);
        xml_member_end(out);
}

void xml_member_bool(struct buf *out, const char *name, bool b)
{
        xml_member_begin(out, name);
        xml_bool(out, b);
        xml_member_end(out);
}

void xml_fault(struct buf *out, int code, const char *text)
{
        xml_struct_begin(out);
        xml_member_int(out, "faultCode", code);
        xml_member_string(out, "faultString", text);
        xml_struct_end(out);
}
