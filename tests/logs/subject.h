/* What the tests of streams share: one rig, one stream. Each file that includes this names its own
 * suites. */
#ifndef TESTS_LOGS_SUBJECT_H
#define TESTS_LOGS_SUBJECT_H

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "rig.h"

#define HELPER __attribute__((unused)) static

HELPER struct rig rig;
HELPER struct stream *s;
HELPER struct stream_ledger led;

HELPER void setup(void)
{
        rig_open(&rig, false);
}

HELPER void setup_fake(void)
{
        rig_open(&rig, true);
}

HELPER void teardown(void)
{
        stream_free(s);
        s = NULL;
        rig_close(&rig);
}

HELPER struct stream_conf conf_for(const char *name)
{
        return (struct stream_conf){ .process = "p", .path = name ? rig_path(&rig, name) : NULL };
}

HELPER void make(struct stream_conf c)
{
        s = rig_stream(&rig, &c);
}

HELPER void expect_ledger(uint64_t read, uint64_t written, uint64_t dropped, uint64_t buffered)
{
        stream_ledger(s, &led);
        cr_expect(led.read == read && led.written == written && led.dropped == dropped &&
                      led.buffered == buffered,
                  "read %lu written %lu dropped %lu buffered %lu", (unsigned long)led.read,
                  (unsigned long)led.written, (unsigned long)led.dropped,
                  (unsigned long)led.buffered);
}

HELPER bool is_written(struct rig *r)
{
        (void)r;
        stream_ledger(s, &led);
        return led.read > 0 && led.buffered == 0 && rig.recoveries > 0;
}

HELPER int open_fds(void)
{
        int n = 0;

        for (int fd = 0; fd < 256; fd++)
                n += fcntl(fd, F_GETFD) >= 0;
        return n;
}

#endif
