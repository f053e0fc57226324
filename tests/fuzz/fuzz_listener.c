/* Event listener answers. The first byte of the input says into which pieces the rest is cut: what
 * happens must not depend on it, and an event is sent whenever the listener is ready. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/unit/listener_proto.h"

#define NEWS_MAX 4096

struct story {
        unsigned char news[NEWS_MAX];
        size_t count;
};

static void feed(struct listener_proto *lp, const char *data, size_t len, struct story *s)
{
        enum listener_news news;

        while ((news = listener_proto_feed(lp, &data, &len)) != LISTENER_QUIET) {
                if (s->count < NEWS_MAX)
                        s->news[s->count++] = (unsigned char)news;
                /* Between a READY and whatever follows it in the same breath nothing can be sent;
                 * a listener that was told so early is the harsher case. */
                if (news == LISTENER_IS_READY)
                        listener_proto_sent(lp);
                assert(news != LISTENER_BAD_LINE || strlen(lp->line) <= LISTENER_LINE_MAX);
        }
        assert(len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct listener_proto whole, pieces;
        static struct story a, b;

        if (size == 0)
                return 0;
        size_t step = (size_t)data[0] % 16 + 1;
        const char *text = (const char *)data + 1;
        size--;
        a.count = b.count = 0;
        listener_proto_begin(&whole);
        listener_proto_begin(&pieces);
        whole.unsure = pieces.unsure = data[0] >= 128;
        feed(&whole, text, size, &a);
        for (size_t at = 0; at < size; at += step)
                feed(&pieces, text + at, size - at < step ? size - at : step, &b);
        assert(a.count == b.count && memcmp(a.news, b.news, a.count) == 0);
        assert(whole.state == pieces.state);
        return 0;
}
