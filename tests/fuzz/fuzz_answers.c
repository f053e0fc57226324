/* What a daemon may answer the client: events, which must not depend on how their bytes are cut. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "wire/sse.h"

static bool note(void *arg, const char *type, const char *data)
{
        buf_printf(arg, "%s|%s\n", type, data);
        return true;
}

static void events(const char *data, size_t len, size_t piece, struct buf *seen)
{
        struct sse s = { .on_event = note, .arg = seen };

        for (size_t at = 0; at < len; at += piece)
                if (!sse_feed(&s, data + at, at + piece > len ? len - at : piece))
                        break;
        sse_release(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
        AUTO_BUF whole = BUF_INIT;
        AUTO_BUF cut = BUF_INIT;

        if (len < 1)
                return 0;
        events((const char *)data + 1, len - 1, len, &whole);
        events((const char *)data + 1, len - 1, 1 + data[0] / 2 % 7, &cut);
        assert(strcmp(buf_str(&whole), buf_str(&cut)) == 0);
        return 0;
}
