/* What event listeners have not acknowledged, over the death of a daemon. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/events/listeners.h"
#include "engine/persist/state.h"
#include "house.h"

static struct house h;
static char dir[] = "/tmp/events.XXXXXX";
static char path[64], file[128], aside[128];

static void open_house(void)
{
        struct err e = { 0 };

        house_open(&h, "", "");
        cr_assert(state_open(&h.sup, path, &e), "%s", e.text);
}

static void setup(void)
{
        cr_assert(mkdtemp(dir));
        snprintf(path, sizeof path, "%s/s", dir);
        snprintf(file, sizeof file, "%s/events", path);
        snprintf(aside, sizeof aside, "%s/events.aside", path);
        open_house();
}

static void teardown(void)
{
        state_close(&h.sup, false);
        house_close(&h);
        unlink(aside);
        rmdir(path);
        rmdir(dir);
}

TestSuite(state_events, .init = setup, .fini = teardown, .timeout = 60);

/* As after a SIGKILL. Without a process there is no record, so one fleet holds the lock and the
 * files. */
static void succeed(void)
{
        state_close(&h.sup, true);
        house_close(&h);
        open_house();
}

static void keep_something(void)
{
        static struct group group = { .name = (char *)"g" };
        static struct program program = { .name = (char *)"p", .numprocs = 1 };
        static struct fleet fleet = {
                .group = &group, .program = &program, .replicas = 2, .scaled = true
        };

        fleet.state_slot = 0;
        state_note_fleet(&h.sup, &fleet);
}

static uint32_t put(const char *pool, uint64_t serial, const char *payload)
{
        const struct persisted_event e = { .pool = pool,
                                           .name = "TICK_60",
                                           .payload = payload,
                                           .len = strlen(payload),
                                           .serial = serial,
                                           .poolserial = serial + 100 };
        uint32_t slot = state_event_put(&h.sup, &e);

        cr_assert_neq(slot, 0);
        return slot;
}

static struct buf seen;

static void see(void *arg, const struct persisted_event *e)
{
        (void)arg;
        cr_expect_eq(e->poolserial, e->serial + 100);
        cr_expect_str_eq(e->name, "TICK_60");
        buf_printf(&seen, "%ld %.*s", (long)e->serial, (int)e->len, e->payload);
        if (e->phase != EVENT_WAITS)
                buf_printf(&seen, " %d by %d", (int)e->phase, e->listener);
        buf_puts(&seen, "; ");
}

static void expect_events(const char *pool, const char *text)
{
        buf_reset(&seen);
        state_events_of(&h.sup, pool, see, NULL);
        cr_expect_str_eq(buf_str(&seen), text);
        buf_release(&seen);
}

Test(state_events, go_on_with_what_became_of_them)
{
        keep_something();
        put("l", 1, "waits");
        state_event_mark(&h.sup, put("l", 2, "sent"), EVENT_SENT, 7);
        state_event_drop(&h.sup, put("l", 3, "over"));
        put("other", 4, "of another pool");
        succeed();
        expect_events("l", "1 waits; 2 sent 2 by 7; ");
        expect_events("l", "");
        expect_events("other", "4 of another pool; ");
}

Test(state_events, of_a_pool_that_is_gone_are_over)
{
        keep_something();
        put("l", 1, "one");
        succeed();
        keep_something();
        state_events_settled(&h.sup);
        succeed();
        expect_events("l", "");
}

Test(state_events, numbers_go_on)
{
        uint32_t slot = 0, again = 0;

        keep_something();
        state_serial(&h.sup, 77);
        state_pool_serial(&h.sup, "l", &slot, 5);
        state_pool_serial(&h.sup, "l", &slot, 6);
        succeed();
        keep_something();
        cr_expect_eq(state_serial_persisted(&h.sup), 77);
        cr_expect_eq(state_pool_serial_persisted(&h.sup, "l", &again), 6);
        cr_expect_eq(again, slot);
        cr_expect_eq(state_pool_serial_persisted(&h.sup, "other", &again), 0);
        state_events_settled(&h.sup);
        state_pool_serial(&h.sup, "l", &slot, UINT64_C(10000000000));
        succeed();
        cr_expect_eq(state_pool_serial_persisted(&h.sup, "l", &again), UINT64_C(10000000000));
}

Test(state_events, are_thousands_without_a_gap)
{
        uint32_t slot[500];
        char payload[400];

        keep_something();
        memset(payload, 'x', sizeof payload);
        for (int round = 0; round < 20; round++)
                for (int i = 0; i < 500; i++) {
                        if (round)
                                state_event_drop(&h.sup, slot[i]);
                        payload[(round * 37 + i) % 399] = '\0';
                        slot[i] = put("l", (uint64_t)(round * 500 + i), payload);
                        memset(payload, 'x', sizeof payload);
                }
        succeed();
        buf_reset(&seen);
        state_events_of(&h.sup, "l", see, NULL);
        int count = 0;
        for (const char *at = buf_str(&seen); (at = strchr(at, ';')); at++)
                count++;
        buf_release(&seen);
        cr_expect_eq(count, 500);
}

Test(state_events, damage_does_no_harm)
{
        struct stat st;

        keep_something();
        put("l", 1, "the first one");
        put("l", 2, "the second one, which is longer");
        state_close(&h.sup, true);
        AUTO_FD fd = open(file, O_RDWR);
        cr_assert(fd >= 0 && fstat(fd, &st) == 0);
        char *data = malloc((size_t)st.st_size);
        cr_assert_eq(pread(fd, data, (size_t)st.st_size, 0), st.st_size);
        for (size_t at = 0; at < 4096 + 200; at = at == 90 ? 2040 : at == 2100 ? 4096 : at + 1) {
                struct err e = { 0 };
                AUTO_FD to = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
                data[at] ^= (char)(1 << at % 8);
                cr_assert(fd_write_all(to, data, (size_t)st.st_size));
                data[at] ^= (char)(1 << at % 8);
                cr_assert(state_open(&h.sup, path, &e), "%s", e.text);
                buf_reset(&seen);
                state_events_of(&h.sup, "l", see, NULL);
                cr_assert(!strstr(buf_str(&seen), "first") ||
                          strstr(buf_str(&seen), "1 the first one"));
                state_close(&h.sup, true);
        }
        buf_release(&seen);
        free(data);
        struct err e = { 0 };
        cr_assert(state_open(&h.sup, path, &e));
}
