/* Reading logs back (compat 20.5). */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "readlog/readback.h"
#include "rig.h"

static struct rig rig;
static struct buf out;
static struct log_part part = { .fd = -1 };

static void setup(void)
{
        rig_open(&rig, false);
        rig_write(&rig, "t", "0123456789");
}

static void teardown(void)
{
        log_part_release(&part);
        buf_release(&out);
        rig_close(&rig);
}

static void reads(const char *name, int64_t offset, int64_t length, enum tail_result want,
                  const char *text)
{
        buf_reset(&out);
        cr_expect_eq(tail_read(rig_path(&rig, name), 0, offset, length, &out), want);
        cr_expect_str_eq(buf_str(&out), text, "(%ld,%ld) '%s'", (long)offset, (long)length,
                         buf_str(&out));
}

static void window(const char *name, int64_t offset, int64_t length, const char *text,
                   int64_t want_size, bool want_overflow)
{
        int64_t size = -1;
        bool overflow = !want_overflow;

        buf_reset(&out);
        cr_expect_eq(tail_window(rig_path(&rig, name), 0, offset, length, &out, &size, &overflow),
                     TAIL_OK);
        cr_expect(strcmp(buf_str(&out), text) == 0 && size == want_size &&
                      overflow == want_overflow,
                  "(%ld,%ld) '%s' %ld %d", (long)offset, (long)length, buf_str(&out), (long)size,
                  overflow);
}

static void ask(const char *name, enum log_from from, int64_t value)
{
        const struct log_ask how = { .from = from, .value = value };

        log_part_release(&part);
        log_part_read(rig_path(&rig, name), NULL, &how, &part);
}

static void lines(const char *name, int n, const char *text, int64_t want_offset)
{
        ask(name, FROM_LINES, n);
        cr_expect_eq(part.result, TAIL_OK);
        cr_expect(strcmp(buf_str(&part.text), text) == 0 && part.offset == want_offset,
                  "%d: '%s' %ld", n, buf_str(&part.text), (long)part.offset);
}

TestSuite(tail, .init = setup, .fini = teardown);

Test(tail, reads_slices)
{
        reads("t", 2, 3, TAIL_OK, "234");
        reads("t", 0, 0, TAIL_OK, "0123456789");
        reads("t", 7, 0, TAIL_OK, "789");
        reads("t", 7, 100, TAIL_OK, "789");
        reads("t", 10, 5, TAIL_OK, "");
        reads("t", 1000, 0, TAIL_OK, "");
        reads("t", -3, 0, TAIL_OK, "789");
        reads("t", -100, 0, TAIL_OK, "0123456789");
        reads("t", INT64_MIN, 0, TAIL_OK, "0123456789");
        reads("t", INT64_MAX, INT64_MAX, TAIL_OK, "");
        reads("t", 1, INT64_MAX, TAIL_OK, "123456789");
}

Test(tail, refuses_bad_arguments)
{
        reads("t", -5, 5, TAIL_BAD_ARGUMENTS, "");
        reads("t", 5, -5, TAIL_BAD_ARGUMENTS, "");
        reads("t", -5, -5, TAIL_BAD_ARGUMENTS, "");
        reads("missing", -5, -5, TAIL_BAD_ARGUMENTS, "");
}

Test(tail, knows_what_is_no_file)
{
        cr_assert_eq(mkfifo(rig_path(&rig, "f"), 0600), 0);
        reads("missing", 0, 0, TAIL_NO_FILE, "");
        reads("f", 0, 0, TAIL_FAILED, "");
        cr_expect_eq(tail_read(rig.dir, 0, 0, 0, &out), TAIL_FAILED);
        cr_expect_eq(tail_read("/dev/null", 0, 0, 0, &out), TAIL_OK);
        cr_expect_eq(tail_read(NULL, 0, 0, 0, &out), TAIL_NO_FILE);
}

Test(tail, windows_as_supervisor_answers)
{
        window("t", 0, 4, "6789", 10, true);
        window("t", 8, 5, "56789", 10, false);
        window("t", 5, 5, "56789", 10, false);
        window("t", 20, 5, "", 10, false);
        window("t", -5, 5, "56789", 10, true);
        window("t", 0, 10, "0123456789", 10, false);
        window("t", 0, 100, "0123456789", 10, false);
        window("t", 10, 100, "", 10, false);
        window("t", 9, 100, "0123456789", 10, false);
        window("t", 0, 0, "", 10, true);
        window("t", 10, 0, "", 10, false);
        window("t", 20, -15, "", 10, true);
        window("t", 0, -5, "", 10, true);
        window("t", INT64_MAX, INT64_MAX, "", 10, false);
        window("t", INT64_MIN, INT64_MIN, "", 10, true);
        window("missing", 0, 5, "", 0, false);
}

Test(tail, finds_the_last_lines)
{
        rig_write(&rig, "l", "one\ntwo\n\nfour\n");
        lines("l", 1, "four\n", 9);
        lines("l", 2, "\nfour\n", 8);
        lines("l", 3, "two\n\nfour\n", 4);
        lines("l", 4, "one\ntwo\n\nfour\n", 0);
        lines("l", 9, "one\ntwo\n\nfour\n", 0);
        lines("l", 0, "", 14);
        lines("t", 1, "0123456789", 0);
        rig_write(&rig, "p", "a\nb\nc");
        lines("p", 1, "c", 4);
        lines("p", 2, "b\nc", 2);
        rig_write(&rig, "e", "");
        lines("e", 3, "", 0);
}

Test(tail, finds_lines_over_many_blocks)
{
        AUTO_BUF text = BUF_INIT;
        for (int i = 0; i < 100000; i++)
                buf_printf(&text, "line %d\n", i);
        rig_write(&rig, "b", text.data);
        ask("b", FROM_LINES, 90000);
        cr_expect_str_eq(buf_str(&part.text), strstr(text.data, "line 10000\n"));
        cr_expect_eq(part.offset, strstr(text.data, "line 10000\n") - text.data);
}

Test(tail, reads_sixteen_megabytes_at_most)
{
        int64_t size, most = 16 << 20;
        bool overflow;

        cr_assert_eq(truncate(rig_path(&rig, "t"), 20 << 20), 0);
        cr_expect_eq(tail_read(rig_path(&rig, "t"), 0, 0, 0, &out), TAIL_OK);
        cr_expect_eq((int64_t)out.len, most);
        buf_reset(&out);
        cr_expect_eq(tail_window(rig_path(&rig, "t"), 0, 0, INT64_MAX, &out, &size, &overflow),
                     TAIL_OK);
        cr_expect((int64_t)out.len == most && size == 20 << 20 && !overflow);
}
