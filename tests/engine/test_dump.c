/* A state directory in words: whole, damaged at each place, empty. */
#include "engine/persist/dump.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/persist/state.h"
#include "house.h"
#include "sys/store/slot_table.h"

#define PROGRAMS                                                                       \
        "[program:a]\ncommand=/bin/w\nstartsecs=0\nenvironment=PASSWORD=\"hunter2\"\n" \
        "[program:b]\ncommand=/bin/w\nautostart=false\n"

static char dir[] = "/tmp/dump.XXXXXX";
static char path[64];
static struct house h;
static struct buf text;
static bool damaged;

static void setup(void)
{
        struct err e = { 0 };

        cr_assert(mkdtemp(dir));
        snprintf(path, sizeof path, "%s/s", dir);
        house_open(&h, "", PROGRAMS);
        cr_assert(state_open(&h.sup, path, &e), "%s", e.text);
        house_begin(&h);
        state_serial(&h.sup, 7);
        state_event_put(
            &h.sup,
            &(struct persisted_event){
                .pool = "p", .name = "TICK_5", .payload = "secret", .len = 6, .serial = 6 });
}

static void teardown(void)
{
        buf_release(&text);
        state_close(&h.sup, false);
        house_close(&h);
        rmdir(path);
        rmdir(dir);
}

TestSuite(dump, .init = setup, .fini = teardown, .timeout = 60);

static const char *dump(void)
{
        struct err e = { 0 };

        buf_reset(&text);
        cr_assert(state_dump(path, &text, &damaged, &e), "%s", e.text);
        return buf_str(&text);
}

static void has(const char *what)
{
        cr_expect(strstr(dump(), what), "no '%s' in:\n%s", what, buf_str(&text));
}

static const char *file_path(const char *name)
{
        static char room[128];

        snprintf(room, sizeof room, "%s/%s", path, name);
        return room;
}

static void flip(const char *name, off_t at)
{
        unsigned char byte;
        AUTO_FD fd = open(file_path(name), O_RDWR | O_CLOEXEC);

        cr_assert_eq(pread(fd, &byte, 1, at), 1);
        byte ^= 0x10;
        cr_assert_eq(pwrite(fd, &byte, 1, at), 1);
}

Test(dump, says_what_a_whole_directory_has)
{
        has("\nname: a\n");
        has("\nstate: RUNNING\n");
        has("\nformat version: 2\n");
        has("\nnext event number: 7\n");
        has("\n[event 6]\npool: p\n");
        has("\nevent: TICK_5\nphase: waits\npayload: 6 bytes\n");
        cr_expect_not(damaged, "%s", buf_str(&text));
        cr_expect_not(strstr(buf_str(&text), "hunter2"));
        cr_expect_not(strstr(buf_str(&text), "secret"));
}

Test(dump, says_where_a_byte_was_changed)
{
        flip("records", 40);
        has("damaged: records at 0: its header is damaged (magic or checksum)\n");
        cr_expect(damaged);
        cr_expect(strstr(buf_str(&text), "\nname: a\n"), "the rest goes on");
        flip("records", 40);
        flip("records", 1024);
        has("damaged: records at 1024: ");
        flip("records", 1024);
        flip("events", 4096 + 30);
        has("damaged: events at 4096: a record is damaged (checksum or length)\n");
        flip("events", 4096 + 30);
        flip("events", 4096 + 16);
        has("damaged: events at 4096: the mark of a record is damaged");
        flip("events", 4096 + 16);
        dump();
        cr_expect_not(damaged, "%s", buf_str(&text));
}

/* Which of the first units holds it depends on how often it was written. */
Test(dump, texts_that_were_changed_are_said_with_their_record)
{
        int said = 0;

        for (off_t at = 4096; at < 4096 + 32 * 32; at += 32) {
                flip("texts", at + 2);
                said += strstr(dump(), " of texts, are not whole or make no sense; pid ") != NULL;
                flip("texts", at + 2);
        }
        cr_expect(said > 0 && said < 32, "%d", said);
}

Test(dump, a_record_with_one_good_copy_is_printed)
{
        flip("records", 4096 + 24);
        dump();
        flip("records", 4096 + 24);
        cr_expect(damaged);
        cr_expect(strstr(buf_str(&text), "damaged: records at 4096: slot 0: "));
}

/* A copy of the directory, which no daemon has mapped. */
static void copy_to(const char *name, const char *data, size_t len)
{
        AUTO_FD fd = open(file_path(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        cr_assert(fd >= 0 && fd_write_all(fd, data, len));
}

Test(dump, short_and_empty_files_are_damage_and_no_crash)
{
        char own[64];
        static char zero[5000];

        memcpy(own, path, sizeof own);
        snprintf(path, sizeof path, "%s/t", dir);
        cr_assert_eq(mkdir(path, 0700), 0);
        cr_expect_str_eq(strchr(dump(), '\n'), "\n");
        cr_expect_not(damaged);
        copy_to("records", "", 0);
        has("damaged: records at 0: it ends within its header (length)\n");
        has("damaged: texts at 0: ");
        copy_to("records", zero, sizeof zero);
        has("damaged: records at 0: its header is damaged");
        cr_expect(damaged);
        unlink(file_path("records"));
        copy_to("spool-1.0", zero, 17);
        has("\nfile: spool-1.0\npipe: 0\nbytes that wait: 0\n");
        copy_to("spool-1.0", zero, sizeof zero);
        has("damaged: spool-1.0 at 0: ");
        unlink(file_path("spool-1.0"));
        rmdir(path);
        memcpy(path, own, sizeof path);
}

Test(dump, a_record_of_a_newer_version_is_reported_as_such)
{
        char own[64];
        struct slot_table t;
        struct state_owner who;
        struct err e = { 0 };
        AUTO_BUF said = BUF_INIT;

        memcpy(own, path, sizeof own);
        snprintf(path, sizeof path, "%s/t", dir);
        cr_assert_eq(mkdir(path, 0700), 0);
        cr_assert(state_owner_here(&who, &e));
        who.version = who.readable_by = 99;
        cr_assert(slot_table_open(&t, file_path("records"), 104, &who, &said, &e), "%s", e.text);
        slot_table_close(&t);
        has("damaged: records at 8: its records have another layout (unknown version)\n");
        cr_expect(damaged);
        cr_expect(strstr(buf_str(&text), "\nformat version: 99\nreadable by version: 99\n"));
        unlink(file_path("records"));
        rmdir(path);
        memcpy(path, own, sizeof path);
}

Test(dump, a_directory_that_is_not_there_is_an_error_that_names_it)
{
        struct err e = { 0 };

        cr_expect_not(state_dump("/nonexistent/state", &text, &damaged, &e));
        cr_expect(strstr(e.text, "/nonexistent/state"), "%s", e.text);
}
