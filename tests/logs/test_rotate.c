/* Where a file is cut, and the chain of names (compat 15). */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../src/logs/store/period.h"
#include "../../src/logs/store/rotate.h"
#include "../../src/logs/store/sink_file.h"
#include "rig.h"

static void cuts(int64_t size, int64_t limit, const char *text, size_t take, bool rotate)
{
        struct rotate_cut c = rotate_cut(size, limit, text, strlen(text));

        cr_expect(c.take == take && c.rotate == rotate, "%ld of %ld, '%s': %zu %d", (long)size,
                  (long)limit, text, c.take, c.rotate);
}

Test(rotate_cut, takes_all_that_fits)
{
        cuts(0, 10, "abc\n", 4, false);
        cuts(5, 10, "abc\n", 4, false);
        cuts(0, 10, "", 0, false);
}

Test(rotate_cut, cuts_behind_the_first_line_end_at_the_limit)
{
        cuts(6, 10, "abc\n", 4, true);
        cuts(8, 10, "abc\ndef\n", 4, true);
        cuts(8, 10, "a\nbcd\ndef\n", 2, true);
        cuts(9, 10, "a\nbcd\ndef\n", 2, true);
        cuts(12, 10, "\nabc", 1, true);
}

Test(rotate_cut, waits_for_a_line_end_but_not_for_ever)
{
        cuts(8, 10, "abc", 3, false);
        cuts(11, 10, "abc", 3, false);
        cuts(18, 10, "abc", 3, true);
}

Test(rotate_cut, never_loses_count)
{
        char text[200];

        srand(3);
        for (int i = 0; i < 20000; i++) {
                size_t len = 1 + (size_t)rand() % sizeof text;
                for (size_t k = 0; k < len; k++)
                        text[k] = rand() % 20 ? 'x' : '\n';
                int64_t limit = 1 + rand() % 300, size = rand() % 400;
                struct rotate_cut c = rotate_cut(size, limit, text, len);
                cr_assert(c.take > 0 && c.take <= len);
                cr_assert(c.take == len || c.rotate);
                cr_assert(!c.rotate || size + (int64_t)c.take >= limit);
        }
}

/* ---- the file */

static struct rig rig;
static struct sink_file file;
static char path[512];

static void open_as(const char *name, mode_t mode)
{
        snprintf(path, sizeof path, "%s", rig_path(&rig, name));
        cr_assert(sink_file_open(&file, &rig.kernel.ops, path, 0, mode, &rig.err));
}

static void setup(void)
{
        rig_open(&rig, true);
        open_as("o", 0666);
}

static void teardown(void)
{
        sink_file_close(&file);
        rig_close(&rig);
}

static enum put put(const char *text)
{
        size_t done;
        enum put r = sink_file_put(&file, text, strlen(text), NULL, &done);

        cr_expect(r != PUT_ALL || done == strlen(text));
        return r;
}

TestSuite(rotate, .init = setup, .fini = teardown);

Test(rotate, shifts_the_backups_and_drops_the_oldest)
{
        sink_file_set_rotation(&file, 5, 2);
        put("one--\ntwo--\nthree\nfour-\n");
        cr_expect(rig_holds(&rig, "o", ""));
        cr_expect(rig_holds(&rig, "o.1", "four-\n"));
        cr_expect(rig_holds(&rig, "o.2", "three\n"));
        cr_expect_neq(access(rig_path(&rig, "o.3"), F_OK), 0);
        cr_expect_eq(file.rotations, 4);
}

Test(rotate, without_backups_empties_the_file)
{
        sink_file_set_rotation(&file, 5, 0);
        put("one--\ntwo");
        cr_expect(rig_holds(&rig, "o", "two"));
        cr_expect_neq(access(rig_path(&rig, "o.1"), F_OK), 0);
}

Test(rotate, not_at_all_without_a_limit)
{
        sink_file_set_rotation(&file, 0, 3);
        put("one--\ntwo");
        cr_expect(rig_holds(&rig, "o", "one--\ntwo"));
}

Test(rotate, counts_what_was_in_the_file_before_and_what_others_cut)
{
        sink_file_set_rotation(&file, 10, 1);
        put("12345678");
        cr_assert_eq(truncate(rig_path(&rig, "o"), 0), 0);
        put("abc\n");
        cr_expect(rig_holds(&rig, "o", "abc\n"));
        put("defghi\nx");
        cr_expect(rig_holds(&rig, "o", "x"));
        cr_expect(rig_holds(&rig, "o.1", "abc\ndefghi\n"));
}

Test(rotate, goes_on_in_the_same_file_when_a_rename_fails)
{
        sink_file_set_rotation(&file, 5, 2);
        kernel_fail(&rig.kernel, K_RENAME, 1, EACCES);
        put("one--\ntwo");
        cr_expect(rig_holds(&rig, "o", "one--\ntwo"));
        char *why = sink_file_failure(&file);
        cr_expect(why && strstr(why, "Permission denied"));
        free(why);
        cr_expect_null(sink_file_failure(&file), "it was told");
        put("--\n"); /* 12 bytes, the limit is at 11 by now */
        cr_expect(rig_holds(&rig, "o.1", "one--\ntwo--\n"));
        cr_expect(rig_holds(&rig, "o", ""));
}

Test(rotate, gives_the_name_back_when_no_new_file_can_be_made)
{
        sink_file_set_rotation(&file, 5, 2);
        kernel_fail(&rig.kernel, K_OPEN, 1, ENOSPC);
        put("one--\ntwo");
        cr_expect(rig_holds(&rig, "o", "one--\ntwo"));
        cr_expect_neq(access(rig_path(&rig, "o.1"), F_OK), 0);
        cr_expect(file.rotation_failed);
}

Test(rotate, survives_a_failing_truncate)
{
        sink_file_set_rotation(&file, 5, 0);
        kernel_fail(&rig.kernel, K_FTRUNCATE, 1, EIO);
        put("one--\ntwo");
        cr_expect(rig_holds(&rig, "o", "one--\ntwo"));
}

Test(rotate, does_not_rename_a_foreign_file)
{
        sink_file_set_rotation(&file, 5, 2);
        cr_assert_eq(rename(rig_path(&rig, "o"), rig_path(&rig, "moved")), 0);
        rig_write(&rig, "o", "a\n");
        put("one--\ntwo");
        cr_expect(rig_holds(&rig, "moved", "one--\n"));
        cr_expect(rig_holds(&rig, "o", "a\ntwo"));
        cr_expect_neq(access(rig_path(&rig, "o.1"), F_OK), 0);
}

Test(rotate, writes_all_in_the_face_of_short_and_interrupted_writes)
{
        sink_file_set_rotation(&file, 5, 9);
        kernel_shorten(&rig.kernel, K_WRITE, 0, 2);
        kernel_fail(&rig.kernel, K_WRITE, 3, EINTR);
        put("one--\ntwo--\nthr");
        cr_expect(rig_holds(&rig, "o.2", "one--\n"));
        cr_expect(rig_holds(&rig, "o.1", "two--\n"));
        cr_expect(rig_holds(&rig, "o", "thr"));
}

Test(rotate, keeps_the_mode_of_private_files)
{
        struct stat st;

        sink_file_close(&file);
        open_as("p", 0600);
        sink_file_set_rotation(&file, 5, 1);
        put("one--\n");
        cr_assert_eq(stat(rig_path(&rig, "p"), &st), 0);
        cr_expect_eq(st.st_mode & 0777, 0600);
}

Test(rotate, says_how_much_was_written_when_the_disk_fills_up)
{
        size_t done;

        kernel_shorten(&rig.kernel, K_WRITE, 1, 3);
        kernel_fail(&rig.kernel, K_WRITE, 2, ENOSPC);
        cr_expect_eq(sink_file_put(&file, "abcdef", 6, NULL, &done), PUT_REFUSED);
        cr_expect_eq(errno, ENOSPC);
        cr_expect_eq(done, 3);
}

/* A kill between two renames leaves a gap. */
Test(rotate, goes_on_where_a_kill_has_left_a_gap)
{
        rig_write(&rig, "o", "now\n");
        rig_write(&rig, "o.1", "1\n");
        rig_write(&rig, "o.3", "3\n");
        rig_write(&rig, "o.4", "4\n");
        cr_assert(rotate_shift(&rig.kernel.ops, rig_path(&rig, "o"), 4, &rig.err));
        cr_expect(rig_holds(&rig, "o.1", "now\n"));
        cr_expect(rig_holds(&rig, "o.2", "1\n"));
        cr_expect(rig_holds(&rig, "o.3", "3\n"));
        cr_expect(rig_holds(&rig, "o.4", "4\n"));
}

Test(rotate, rename_seq_compressed_backups_too_and_forgets_the_oldest)
{
        rig_write(&rig, "o", "now\n");
        rig_write(&rig, "o.1", "1\n");
        rig_write(&rig, "o.2.gz", "2 compressed\n");
        rig_write(&rig, "o.3", "3, which a kill left\n");
        rig_write(&rig, "o.3.gz", "3 compressed\n");
        rig_write(&rig, "o.4.gz", "4 compressed\n");
        cr_assert(rotate_shift(&rig.kernel.ops, rig_path(&rig, "o"), 4, &rig.err));
        cr_expect(rig_holds(&rig, "o.1", "now\n"));
        cr_expect(rig_holds(&rig, "o.2", "1\n"));
        cr_expect(rig_holds(&rig, "o.3.gz", "2 compressed\n"));
        cr_expect(rig_holds(&rig, "o.4.gz", "3 compressed\n"));
        cr_expect_neq(access(rig_path(&rig, "o.3"), F_OK), 0);
        cr_expect_neq(access(rig_path(&rig, "o.4"), F_OK), 0);
        cr_expect_neq(access(rig_path(&rig, "o.5.gz"), F_OK), 0);
}

Test(rotate, by_order_at_once_or_when_the_line_ends)
{
        sink_file_set_rotation(&file, 0, 3);
        sink_file_rotate(&file);
        cr_expect_neq(access(rig_path(&rig, "o.1"), F_OK), 0, "nothing was written");
        put("whole\n");
        sink_file_rotate(&file);
        cr_expect(rig_holds(&rig, "o.1", "whole\n"));
        put("half a ");
        sink_file_rotate(&file);
        cr_expect(rig_holds(&rig, "o", "half a "));
        put("line\nnext");
        cr_expect(rig_holds(&rig, "o.1", "half a line\n"));
        cr_expect(rig_holds(&rig, "o", "next"));
        put(" and more\n");
        cr_expect(rig_holds(&rig, "o", "next and more\n"), "once only");
}

Test(rotate, ends_periods_by_the_local_clock)
{
        setenv("TZ", "Europe/Berlin", 1);
        tzset();
        struct tm tm = { .tm_year = 126,
                         .tm_mon = 2,
                         .tm_mday = 28,
                         .tm_hour = 13,
                         .tm_min = 5,
                         .tm_isdst = -1 };
        time_t noon = mktime(&tm);
        cr_expect_eq(period_end(ROTATE_BY_SIZE, noon), 0);
        cr_expect_eq(period_end(ROTATE_HOURLY, noon), noon + 55 * 60);
        cr_expect_eq(period_end(ROTATE_DAILY, noon), noon + 55 * 60 + 10 * 3600);
        /* The clocks go forward in that night. */
        time_t midnight = noon + 55 * 60 + 10 * 3600;
        cr_expect_eq(period_end(ROTATE_DAILY, midnight), midnight + 23 * 3600);
        cr_expect_eq(period_end(ROTATE_HOURLY, midnight), midnight + 3600);
}
