/* Short texts that users, files and workers write: the first byte chooses the function that reads
 * the rest. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/duration.h"
#include "base/sanitize.h"
#include "base/signame.h"
#include "base/stamp.h"
#include "base/strlist.h"
#include "base/utf8.h"
#include "ctl/transport/url.h"
#include "model/config/check_host.h"
#include "model/config/cmdline.h"
#include "model/config/config.h"
#include "model/config/expand.h"
#include "model/config/pytext.h"
#include "wire/percent.h"

static void pairs(const char *text)
{
        struct strlist items = { 0 };
        AUTO_BUF dropped = BUF_INIT;
        struct err e = { 0 };

        if (keyvals_parse(text, &items, &dropped, &e))
                for (size_t i = 0; i < items.count; i++)
                        assert(strchr(items.items[i], '='));
        else
                assert(e.code != ERR_NONE);
        strlist_release(&items);
}

static void expansion(const char *text)
{
        static const char *const env[] = { "HOME=/root", "PERCENT=%(here)s", NULL };
        const struct names names = { .have = ~0u,
                                     .here = "/etc",
                                     .host = "box",
                                     .program = "p",
                                     .group = "g",
                                     .process = "p_1",
                                     .process_num = 1,
                                     .numprocs = 2,
                                     .environ = env };
        AUTO_BUF out = BUF_INIT;
        AUTO_BUF why = BUF_INIT;

        if (!expand_twice(text, &names, "program:x.command", &out, &why))
                assert(why.len > 0 || why.failed || out.failed);
}

static void address(const char *text)
{
        struct url u;
        struct err e = { 0 };
        char host[256];

        if (url_parse(text, &u, &e))
                url_is_usable(&u);
        else
                assert(e.code != ERR_NONE);
        url_release(&u);
        if (check_host(text, host, sizeof host))
                assert(*host);
}

static void target(const char *text)
{
        struct target_parts parts = target_split(text);
        AUTO_BUF out = BUF_INIT;
        AUTO_BUF again = BUF_INIT;
        const char *at = parts.query;

        percent_decode(parts.path, parts.path_len, true, &out);
        percent_encode(buf_str(&out), &again);
        while (query_next(&at, "name", &out))
                ;
}

static void moment(const char *text, size_t len)
{
        int64_t ms;
        size_t used;
        AUTO_BUF out = BUF_INIT;

        if (stamp_read(text, len, &ms, &used))
                assert(used <= len);
        if (duration_parse(text, &ms)) {
                int64_t again;
                assert(ms >= 0);
                duration_format(ms, &out);
                assert(duration_parse(buf_str(&out), &again) && again == ms);
        }
        signame_parse(text);
}

static bool is_control(unsigned char c)
{
        return c < 0x20 || c == 0x7f;
}

static void print(const char *text, size_t len)
{
        AUTO_BUF out = BUF_INIT;
        unsigned cp;

        pytext_repr(&out, text, len, false);
        pytext_repr(&out, text, len, true);
        for (size_t at = 0; at < len;) {
                size_t n = pytext_decode(text + at, len - at, &cp);
                assert(n > 0 && n <= len - at);
                assert(utf8_length((const unsigned char *)text + at, len - at) <= len - at);
                at += n;
        }
        buf_reset(&out);
        buf_put(&out, text, len);
        sanitize(&out, 0);
        first_line_put(&out, text, 100);
        for (size_t i = 0; i < out.len; i++)
                assert(!is_control((unsigned char)out.data[i]));
}

/* Words parted by newlines. */
static void arguments(char *text)
{
        char *argv[32] = { "supervisord" };
        struct cmdline c = { 0 };
        struct err e = { 0 };
        int argc = 1;

        for (char *word; argc < 31 && (word = strsep(&text, "\n")) != NULL;)
                argv[argc++] = word;
        if (!cmdline_parse(&c, argc, argv, &e))
                assert(e.code != ERR_NONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size == 0)
                return 0;
        char *text = strndup((const char *)data + 1, size - 1);
        assert(text);
        size_t len = strlen(text);
        switch (data[0] % 7) {
        case 0:
                pairs(text);
                break;
        case 1:
                expansion(text);
                break;
        case 2:
                address(text);
                break;
        case 3:
                target(text);
                break;
        case 4:
                moment(text, len);
                break;
        case 5:
                print(text, len);
                break;
        default:
                arguments(text);
                break;
        }
        free(text);
        return 0;
}
