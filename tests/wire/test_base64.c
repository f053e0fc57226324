#include <criterion/criterion.h>
#include <string.h>

#include "wire/base64.h"

/* RFC 4648, section 10 */
static const struct {
        const char *plain, *coded;
} known[] = { { "", "" },
              { "f", "Zg==" },
              { "fo", "Zm8=" },
              { "foo", "Zm9v" },
              { "foob", "Zm9vYg==" },
              { "fooba", "Zm9vYmE=" },
              { "foobar", "Zm9vYmFy" } };

Test(base64, is_written_and_read_as_the_standard_says)
{
        for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
                AUTO_BUF out = BUF_INIT;
                base64_encode(known[i].plain, strlen(known[i].plain), &out);
                cr_expect_str_eq(buf_str(&out), known[i].coded);
                buf_reset(&out);
                cr_expect(base64_decode(known[i].coded, true, &out));
                cr_expect_str_eq(buf_str(&out), known[i].plain);
                buf_reset(&out);
                cr_expect(base64_decode(known[i].coded, false, &out));
                cr_expect_str_eq(buf_str(&out), known[i].plain);
        }
}

Test(base64, holds_every_byte)
{
        unsigned char all[256];

        for (size_t i = 0; i < sizeof all; i++)
                all[i] = (unsigned char)i;
        for (size_t len = 0; len <= sizeof all; len++) {
                AUTO_BUF coded = BUF_INIT;
                AUTO_BUF plain = BUF_INIT;
                base64_encode(all, len, &coded);
                cr_expect(base64_decode(buf_str(&coded), true, &plain));
                cr_assert(plain.len == len && (!len || memcmp(plain.data, all, len) == 0));
        }
}

Test(base64, refuses_what_is_none_where_it_is_strict)
{
        static const char *const none[] = {
                "Z",     "Zg",    "Zg=",      "Z===",     "====",  "=",    "Zg==\n",
                "Zm 9v", "Zm9v!", "Zg==Zg==", "Zm9v====", "Zm9v=", "Zm9-", "Z\xc3"
        };

        for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
                AUTO_BUF out = BUF_INIT;
                cr_expect_not(base64_decode(none[i], true, &out), "%s", none[i]);
        }
}

Test(base64, passes_over_what_is_no_digit_where_it_is_not)
{
        AUTO_BUF out = BUF_INIT;

        cr_expect(base64_decode("\r\nZm9v\r\n Ym!Fy\r\n", false, &out));
        cr_expect(base64_decode("Zg", false, &out), "without padding");
        cr_expect(base64_decode("Zm8=Zm8=", false, &out), "up to the first");
        cr_expect_str_eq(buf_str(&out), "foobarffo");
}
