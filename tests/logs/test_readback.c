/* A log as one stream: its present file, and its backups before that. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "../../src/logs/intake/channel.h"
#include "../../src/readlog/since.h"
#include "base/clock.h"
#include "logs/intake/ledger.h"
#include "readlog/readback.h"
#include "rig.h"

static struct rig rig;
static struct ledger_box *box;
static struct log_part part = { .fd = -1 };

static void setup(void)
{
        rig_open(&rig, false);
        box = ledger_box_new(7);
        ledger_box_begin(box, 0);
}

static void teardown(void)
{
        log_part_release(&part);
        ledger_drop(box);
        rig_close(&rig);
}

TestSuite(readback, .init = setup, .fini = teardown);

static void write_gzip(const char *name, const char *text)
{
        gzFile gz = gzopen(rig_path(&rig, name), "wb");

        cr_assert(gz && gzwrite(gz, text, (unsigned)strlen(text)) == (int)strlen(text));
        gzclose(gz);
}

static void set_time(const char *name, int64_t ms)
{
        struct timespec times[2] = { { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 } };

        times[1] = times[0];
        cr_assert_eq(utimensat(AT_FDCWD, rig_path(&rig, name), times, 0), 0);
}

/* The ledger says that this file begins there, and that so much was written in all. */
static void know(const char *name, int64_t base, uint64_t written)
{
        struct stat st;

        cr_assert_eq(stat(rig_path(&rig, name), &st), 0);
        ledger_box_put(box,
                       &(struct stream_ledger){
                           .read = written, .written = written, .base = base, .inode = st.st_ino },
                       NULL);
}

static void ask_for(enum log_from from, int64_t value, bool follow)
{
        const struct log_ask ask = { .from = from, .value = value, .follow = follow };

        log_part_release(&part);
        log_part_read(rig_path(&rig, "l"), box, &ask, &part);
}

static void gives(enum log_from from, int64_t value, const char *text, int64_t offset)
{
        ask_for(from, value, false);
        cr_expect_eq(part.result, TAIL_OK, "%d", (int)part.result);
        cr_expect(strcmp(buf_str(&part.text), text) == 0 && part.offset == offset, "'%s' at %ld",
                  buf_str(&part.text), (long)part.offset);
}

static void make_three(void)
{
        write_gzip("l.2.gz", "one\ntwo\n");
        rig_write(&rig, "l.1", "three\nfour\n");
        rig_write(&rig, "l", "five\nsix\n");
        know("l", 19, 28);
}

Test(readback, goes_back_over_rotated_and_compressed_files)
{
        make_three();
        gives(FROM_LINES, 1, "six\n", 24);
        gives(FROM_LINES, 2, "five\nsix\n", 19);
        gives(FROM_LINES, 3, "four\nfive\nsix\n", 14);
        gives(FROM_LINES, 5, "two\nthree\nfour\nfive\nsix\n", 4);
        gives(FROM_LINES, 99, "one\ntwo\nthree\nfour\nfive\nsix\n", 0);
        gives(FROM_TAIL, 6, "e\nsix\n", 22);
        gives(FROM_TAIL, 11, "r\nfive\nsix\n", 17);
        gives(FROM_TAIL, 21, &"o\nthree\nfour\nfive\nsix\n"[1], 7);
        gives(FROM_OFFSET, 6, "o\nthree\nfour\nfive\nsix\n", 6);
        gives(FROM_OFFSET, -5, "one\ntwo\nthree\nfour\nfive\nsix\n", 0);
        gives(FROM_OFFSET, 26, "x\n", 26);
        gives(FROM_OFFSET, 500, "", 28);
        gives(FROM_BEGINNING, 0, "five\nsix\n", 19);
}

Test(readback, gives_the_backups_part_and_a_place_to_follow_from)
{
        make_three();
        ask_for(FROM_LINES, 3, true);
        cr_expect_str_eq(buf_str(&part.text), "four\n");
        cr_expect(part.offset == 14 && part.fd >= 0 && part.at == 0);
        ask_for(FROM_LINES, 1, true);
        cr_expect(part.text.len == 0 && part.offset == 24 && part.at == 5);
}

Test(readback, finds_many_lines_in_many_files)
{
        AUTO_BUF all = BUF_INIT;
        int64_t base = 0;

        for (int f = 20, n = 0; f >= 0; f--) {
                AUTO_BUF text = BUF_INIT;
                char name[16];
                while (text.len < 100000)
                        buf_printf(&text, "line %d\n", n++);
                snprintf(name, sizeof name, f ? "l.%d.gz" : "l", f);
                if (f)
                        write_gzip(name, text.data);
                else
                        rig_write(&rig, name, text.data);
                base += f ? (int64_t)text.len : 0;
                buf_put(&all, text.data, text.len);
        }
        know("l", base, all.len);
        const char *at = strstr(all.data, "line 5000\n");
        int lines = 0;
        for (const char *p = at; *p; p++)
                lines += *p == '\n';
        gives(FROM_LINES, lines, at, at - all.data);
        gives(FROM_OFFSET, 123456, all.data + 123456, 123456);
        gives(FROM_LINES, 1 << 30, all.data, 0);
}

Test(readback, finds_the_file_under_its_new_name)
{
        rig_write(&rig, "l", "one\ntwo\n");
        know("l", 0, 8);
        cr_assert_eq(rename(rig_path(&rig, "l"), rig_path(&rig, "l.1")), 0);
        gives(FROM_OFFSET, 4, "two\n", 4);
        rig_write(&rig, "l", ""); /* as logrotate's create makes it */
        gives(FROM_OFFSET, 4, "two\n", 4);
        gives(FROM_LINES, 1, "two\n", 4);
        cr_assert_eq(rename(rig_path(&rig, "l.1"), rig_path(&rig, "elsewhere")), 0);
        ask_for(FROM_OFFSET, 4, false);
        cr_expect_eq(part.result, TAIL_ASTRAY);
        ask_for(FROM_LINES, 1, false);
        cr_expect_eq(part.result, TAIL_OK);
        cr_assert_eq(unlink(rig_path(&rig, "l")), 0);
        ask_for(FROM_LINES, 1, false);
        cr_expect_eq(part.result, TAIL_NO_FILE);
}

Test(readback, counts_on_in_a_file_that_was_cut)
{
        rig_write(&rig, "l", "0123456789");
        know("l", 0, 10);
        cr_assert_eq(truncate(rig_path(&rig, "l"), 0), 0);
        gives(FROM_OFFSET, 10, "", 10);
        rig_write(&rig, "l", "ab");
        know("l", 0, 12);
        gives(FROM_OFFSET, 10, "ab", 10);
}

/* ---- a point in time */

static int64_t at(const char *stamp)
{
        char line[64];
        int64_t ms = -1;
        int n = snprintf(line, sizeof line, "%s rest", stamp);

        cr_assert(line_stamp(line, (size_t)n, &ms), "%s", stamp);
        return ms;
}

Test(readback, reads_the_stamps_of_lines)
{
        int64_t ms;

        cr_expect_eq(at("1970-01-01T00:00:01.250Z"), 1250);
        cr_expect_eq(at("1970-01-01 00:00:01,250Z"), 1250);
        cr_expect_eq(at("1970-01-01T02:00:01+02:00"), 1000);
        cr_expect_eq(at("{\"time\":\"1970-01-01T00:00:02.000Z\","), 2000);
        cr_expect_not(line_stamp("hello", 5, &ms));
        cr_expect_not(line_stamp("1970-01-01T00:00:01", 19, &ms), "the zone is not known");
        cr_expect_not(line_stamp("1970-13-01T00:00:01Z", 20, &ms));
        cr_expect_not(line_stamp("", 0, &ms));
}

#define DAY "2026-01-20T"

Test(readback, begins_at_the_first_line_of_a_time)
{
        write_gzip("l.2.gz", DAY "01:00:00.000Z w a\n" DAY "01:30:00.000Z w b\n");
        rig_write(&rig, "l.1", DAY "02:00:00.000Z w c\n  more of c\n" DAY "02:30:00.000Z w d\n");
        rig_write(&rig, "l", DAY "03:00:00.000Z w e\n" DAY "03:30:00.000Z w f\n");
        set_time("l.2.gz", at(DAY "01:30:00.100Z"));
        set_time("l.1", at(DAY "02:30:00.100Z"));
        set_time("l", at(DAY "03:30:00.100Z"));
        know("l", 1000, 1058);
        ask_for(FROM_TIME, at(DAY "03:10:00Z"), false);
        cr_expect_str_eq(buf_str(&part.text), DAY "03:30:00.000Z w f\n");
        ask_for(FROM_TIME, at(DAY "02:30:00Z"), false);
        cr_expect_eq(strncmp(buf_str(&part.text), DAY "02:30:00.000Z w d\n" DAY "03:0", 40), 0);
        ask_for(FROM_TIME, at(DAY "01:10:00Z"), false);
        cr_expect_eq(strncmp(buf_str(&part.text), DAY "01:30:00.000Z w b\n" DAY "02:0", 40), 0);
        cr_expect_not(part.is_vague);
        ask_for(FROM_TIME, at(DAY "04:00:00Z"), false);
        cr_expect_eq(part.text.len, 0);
        ask_for(FROM_TIME, at(DAY "00:00:00Z"), false);
        cr_expect_eq(strncmp(buf_str(&part.text), DAY "01:00", 16), 0);
}

Test(readback, takes_raw_lines_to_be_as_new_as_their_file)
{
        rig_write(&rig, "l.2", "old\n");
        rig_write(&rig, "l.1", "between\n");
        rig_write(&rig, "l", "new\n");
        set_time("l.2", at(DAY "01:30:00Z"));
        set_time("l.1", at(DAY "02:30:00Z"));
        set_time("l", at(DAY "03:30:00Z"));
        know("l", 12, 16);
        ask_for(FROM_TIME, at(DAY "02:00:00Z"), false);
        cr_expect_str_eq(buf_str(&part.text), "between\nnew\n");
        cr_expect(part.is_vague && part.offset == 4);
        ask_for(FROM_TIME, at(DAY "03:00:00Z"), false);
        cr_expect_str_eq(buf_str(&part.text), "new\n");
        ask_for(FROM_TIME, at(DAY "04:00:00Z"), false);
        cr_expect_eq(part.text.len, 0);
}

Test(readback, halves_a_large_file)
{
        AUTO_BUF text = BUF_INIT;
        int64_t begin = at(DAY "00:00:00Z");

        for (int i = 0; i < 60000; i++)
                buf_printf(&text, DAY "%02d:%02d:%02d.000Z w %d\n%s", i / 3600, i / 60 % 60, i % 60,
                           i, i % 7 ? "" : "unstamped\n");
        rig_write(&rig, "l", text.data);
        set_time("l", at(DAY "17:00:00Z")); /* a file from before is not looked into */
        know("l", 0, text.len);
        for (int i = 0; i < 60000; i += 7919) {
                char want[64];
                ask_for(FROM_TIME, begin + i * 1000LL - 500, false);
                snprintf(want, sizeof want, "Z w %d\n", i);
                cr_expect_eq(strncmp(buf_str(&part.text) + 23, want, strlen(want)), 0, "%d: %.40s",
                             i, buf_str(&part.text));
        }
}

/* A file that another user may have put there: without a line end, and endless. */
Test(readback, gives_up_in_a_file_that_never_ends)
{
        const int64_t sizes[] = { INT64_C(1) << 40, INT64_MAX };

        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
                rig_write(&rig, "l", "");
                if (truncate(rig_path(&rig, "l"), sizes[i]) < 0)
                        continue;                   /* this file system has smaller ones only */
                set_time("l", at(DAY "04:00:00Z")); /* a file from before is not looked into */
                int64_t before = clock_mono_ms();
                ask_for(FROM_TIME, at(DAY "03:10:00Z"), false);
                bool refused = part.result == TAIL_LATE || sizes[i] == INT64_MAX;
                cr_expect(refused && part.result != TAIL_OK, "%d", (int)part.result);
                cr_expect_lt(clock_mono_ms() - before, 60000);
                ask_for(FROM_TAIL, 10, false);
                bool is_huge = sizes[i] == INT64_MAX;
                cr_expect_eq(part.result, is_huge ? TAIL_FAILED : TAIL_OK);
                cr_expect_eq(part.text.len, is_huge ? 0 : 10);
        }
}

/* ---- compressed backups as others may have made them */

/* So many bytes of zeros, a hundred megabytes in each member. */
static void write_zeros(const char *name, int members)
{
        static char block[1 << 20];
        gzFile gz = gzopen(rig_path(&rig, "one"), "wb9");

        for (int i = 0; i < 100; i++)
                cr_assert_eq(gzwrite(gz, block, sizeof block), (int)sizeof block);
        gzclose(gz);
        size_t len;
        char *data = rig_read(&rig, "one", &len);
        FILE *f = fopen(rig_path(&rig, name), "a");
        for (int i = 0; i < members; i++)
                cr_assert_eq(fwrite(data, 1, len, f), len);
        fclose(f);
        free(data);
}

static int turns;
static int turns_most;

static bool count_turn(struct read_turn *t)
{
        (void)t;
        return ++turns < turns_most;
}

static void ask_with_turn(enum log_from from, int64_t value)
{
        struct read_turn turn = { .go_on = count_turn };
        const struct log_ask ask = {
                .from = from, .value = value, .within_ms = 300, .turn = &turn
        };

        turns = 0;
        log_part_release(&part);
        log_part_read(rig_path(&rig, "l"), box, &ask, &part);
}

Test(readback, gives_up_in_a_backup_that_never_ends)
{
        const struct {
                enum log_from from;
                int64_t value;
        } asks[] = { { FROM_TIME, 1 }, { FROM_TAIL, 20 }, { FROM_LINES, 5 }, { FROM_OFFSET, 0 } };

        turns_most = INT_MAX;
        write_zeros("l.1.gz", 400);
        /* what the file says about itself is more than anybody would skip */
        FILE *f = fopen(rig_path(&rig, "l.1.gz"), "r+");
        cr_assert(fseek(f, -4, SEEK_END) == 0 && fwrite("\xff\xff\xff\xff", 1, 4, f) == 4);
        fclose(f);
        rig_write(&rig, "l", "new\n");
        know("l", INT64_C(0xffffffff), INT64_C(0xffffffff) + 4);
        for (size_t i = 0; i < sizeof asks / sizeof *asks; i++) {
                int64_t before = clock_mono_ms();
                if (asks[i].from == FROM_OFFSET)
                        know("l", INT64_C(0xffffffff), INT64_C(0xffffffff) + 4);
                ask_with_turn(asks[i].from,
                              asks[i].from == FROM_OFFSET ? INT64_C(0xfffffff0) : asks[i].value);
                cr_expect_eq(part.result, TAIL_LATE, "%zu: %d", i, (int)part.result);
                cr_expect_lt(clock_mono_ms() - before, 60000);
                cr_expect_gt(turns, 1, "others had a turn");
        }
        turns_most = 3; /* the client leaves */
        ask_with_turn(FROM_TIME, 1);
        cr_expect(part.result == TAIL_LATE && turns == 3, "%d", turns);
}

/* Of members that hold nothing no byte comes out, however long they are read. */
Test(readback, gives_up_in_a_backup_of_nothing)
{
        static const unsigned char empty[] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3,
                                               3,    0,    0, 0, 0, 0, 0, 0, 0, 0 };
        FILE *f = fopen(rig_path(&rig, "l.1.gz"), "a");

        for (int i = 0; i < 100000; i++)
                cr_assert_eq(fwrite(empty, sizeof empty, 1, f), 1);
        fclose(f);
        f = fopen(rig_path(&rig, "l.1.gz"), "r+");
        cr_assert(fseek(f, -4, SEEK_END) == 0 && fwrite("\0\0\0\1", 1, 4, f) == 4);
        fclose(f);
        rig_write(&rig, "l", "new\n");
        turns_most = 2;
        ask_with_turn(FROM_TIME, 1);
        cr_expect_eq(part.result, TAIL_LATE, "%d", (int)part.result);
}

Test(readback, takes_a_compressed_backup_with_several_members_and_something_behind_them)
{
        write_gzip("a", "one\n");
        write_gzip("b", "two\n");
        AUTO_BUF all = BUF_INIT;
        size_t len;
        const char *const names[] = { "a", "b" };
        for (int i = 0; i < 2; i++) {
                char *data = rig_read(&rig, names[i], &len);
                buf_put(&all, data, len);
                free(data);
        }
        buf_put(&all, "\x08\0\0\0", 4); /* zeros of a tape, say */
        FILE *f = fopen(rig_path(&rig, "l.1.gz"), "w");
        cr_assert_eq(fwrite(all.data, all.len, 1, f), 1);
        fclose(f);
        rig_write(&rig, "l", "new\n");
        know("l", 8, 12);
        gives(FROM_LINES, 2, "two\nnew\n", 4);
        gives(FROM_LINES, 9, "one\ntwo\nnew\n", 0);
}

/* Counters come from a file that anything may have happened to, offsets from those who ask. For the
 * sanitizers, and that it comes to an end. */
Test(readback, adds_no_numbers_that_do_not_fit)
{
        const int64_t ends[] = { INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX };
        const int64_t *const past = ends + sizeof ends / sizeof *ends;

        rig_write(&rig, "l.1", "one\n");
        rig_write(&rig, "l", "two\n");
        for (const int64_t *base = ends; base < past; base++)
                for (const int64_t *written = ends; written < past; written++)
                        for (const int64_t *value = ends; value < past; value++)
                                for (int from = FROM_BEGINNING; from <= FROM_TIME; from++) {
                                        know("l", *base, (uint64_t)*written);
                                        if (*value >= 0 || from == FROM_OFFSET)
                                                ask_for((enum log_from)from, *value, *written & 1);
                                        cr_assert_leq(part.text.len, 8);
                                }
}
