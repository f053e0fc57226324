/* Files that a daemon before us left in its state directory and that are read at the start: a
 * spool, whose label and position may be anything, and what waits for a worker's stdin. The first
 * byte chooses, and whether the input begins at the file's beginning or behind a head that is
 * right. */
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
#include "sys/store/pipe_backlog.h"

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

static void a_feed(bool with_head, const uint8_t *data, size_t size)
{
        struct err e = { 0 };
        int ends[2];

        if (with_head) {
                struct pipe_backlog *f = pipe_backlog_new(path, &e);
                assert(f && pipe_backlog_put(f, "waiting", 7, &e));
                pipe_backlog_close(f);
                put((off_t)(data[0] % 16) * 8, data + 1, size - 1);
        } else {
                put(0, data, size);
        }
        struct pipe_backlog *f = pipe_backlog_take_up(path);
        if (!f)
                return;
        pipe_backlog_left(f);
        assert(pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0);
        pipe_backlog_move(f, ends[1]);
        close(ends[0]);
        close(ends[1]);
        pipe_backlog_remove(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size < 3)
                return 0;
        begin();
        unlink(path);
        if (data[0] & 1)
                a_spool(data[0] & 2, data + 1, size - 1);
        else
                a_feed(data[0] & 2, data + 1, size - 1);
        return 0;
}
