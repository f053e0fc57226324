/* A spool that a daemon before us left in its state directory and that is read at the start: its
 * label and position may be anything. The first byte chooses whether the input begins at the file's
 * beginning or behind a head that is right. */
#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../src/logs/intake/channel.h"
#include "../../src/logs/spool/spool.h"
#include "base/fd.h"
#include "logs/intake/conf_copy.h"

static char dir[] = "/dev/shm/fuzz-left.XXXXXX";
static char path[64];

static void at_end(void)
{
        unlink(path);
        rmdir(dir);
}

static void begin(void)
{
        if (*path)
                return;
        assert(mkdtemp(dir));
        snprintf(path, sizeof path, "%s/file", dir);
        atexit(at_end);
}

/* These bytes from there on, over what is in the file. */
static void put(off_t at, const uint8_t *data, size_t size)
{
        AUTO_FD fd = open(path, O_WRONLY | O_CREAT, 0600);

        assert(fd >= 0 && pwrite(fd, data, size, at) == (ssize_t)size);
}

static void read_spool(void)
{
        struct spool_label label = { 0 };
        struct err e = { 0 };
        char data[256];
        struct spool *sp = spool_open(sys_real(), path, &label, &e);

        if (!sp) {
                assert(e.code != ERR_NONE);
                return;
        }
        size_t waiting = spool_waiting(sp);
        spool_read(sp, sp->pos.src, data, waiting < sizeof data ? waiting : sizeof data);
        stream_conf_release(&label.conf);
        spool_remove(sp);
}

static void a_spool(bool with_head, const uint8_t *data, size_t size)
{
        struct spool_label label = { .boot = "boot",
                                     .pipe = 7,
                                     .pid = 8,
                                     .conf = { .process = "p", .path = "/dev/shm/none" } };
        struct err e = { 0 };

        if (with_head) {
                struct spool *sp = spool_new(sys_real(), dir, &label, &e);
                assert(sp);
                spool_record(sp);
                assert(rename(sp->path, path) == 0);
                spool_close(sp);
                put((off_t)(data[0] % 16) * 8, data + 1, size - 1);
        } else {
                put(0, data, size);
        }
        read_spool();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size < 3)
                return 0;
        begin();
        unlink(path);
        a_spool(data[0] & 2, data + 1, size - 1);
        return 0;
}
