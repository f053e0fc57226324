/* Reading a log back while its names move: what is half done is not taken for the truth. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../src/logs/mainlog/mainlog_thread.h"
#include "../../src/logs/thread.h"
#include "base/unconst.h"
#include "logs/intake/ledger.h"
#include "readlog/readback.h"
#include "rig.h"

/* A reader in its own thread. */
static struct reading {
        pthread_t thread;
        struct rename_seq *moves; /* borrowed */
        struct ledger_box *ledger;
        const char *path;
        struct log_ask ask;
        struct log_part part;
        bool begun, waited;
} reading;

/* The real kernel, except that the reader reads after one of the renames. */
static struct stage {
        struct sys ops; /* first: cast back */
        int renames_left;
} stage;

static struct rig rig;

static void *read_part(void *arg)
{
        struct reading *r = arg;

        log_part_read(r->path, r->ledger, &r->ask, &r->part);
        return NULL;
}

/* Until the reader waits for the end of the renames, and no longer than some seconds. */
static void begin_reading(void)
{
        cr_assert_eq(pthread_create(&reading.thread, NULL, read_part, &reading), 0);
        reading.begun = true;
        for (int i = 0; i < 5000 && !reading.waited; i++) {
                reading.waited = rename_seq_is_awaited(reading.moves);
                if (!reading.waited)
                        usleep(1000);
        }
}

static void end_reading(void)
{
        cr_assert(reading.begun);
        cr_expect(reading.waited, "he believed what he saw");
        pthread_join(reading.thread, NULL);
}

static int staged_rename(struct sys *sys, const char *from, const char *to)
{
        struct stage *s = (struct stage *)sys;
        int result = rename(from, to);

        if (result == 0 && s->renames_left > 0 && --s->renames_left == 0)
                begin_reading();
        return result;
}

static void setup(void)
{
        stage = (struct stage){ .ops = *sys_real() };
        stage.ops.rename = staged_rename;
        rig_open_on(&rig, &stage.ops);
        reading = (struct reading){ .moves = rig.logs->core->moves,
                                    .path = strdup(rig_path(&rig, "l")),
                                    .part.fd = -1 };
}

static void teardown(void)
{
        log_part_release(&reading.part);
        ledger_drop(reading.ledger);
        free(unconst(reading.path));
        rig_close(&rig);
}

TestSuite(rename_seq, .init = setup, .fini = teardown);

static void gives(const char *text, int64_t offset)
{
        const struct log_part *p = &reading.part;

        cr_expect_eq(p->result, TAIL_OK, "%d", (int)p->result);
        cr_expect(strcmp(buf_str(&p->text), text) == 0 && p->offset == offset, "'%s' at %ld",
                  buf_str(&p->text), (long)p->offset);
}

/* Each line is a file of its own. */
static struct stream *three_files(int *fd_out)
{
        const struct stream_conf conf = {
                .process = "web", .path = reading.path, .maxbytes = 1, .backups = 3
        };
        struct stream *s = rig_stream(&rig, &conf);

        *fd_out = rig_attach(&rig, s);
        for (const char *const *line = (const char *const[]){ "one\n", "two\n", NULL }; *line;
             line++) {
                rig_say(*fd_out, *line);
                rig_settle(&rig);
        }
        reading.ledger = stream_ledger_ref(s);
        return s;
}

/* .2 -> .3, .1 -> .2, and then the file itself */
static void read_after_rename(int number, enum log_from from, int64_t value)
{
        int fd;
        struct stream *s = three_files(&fd);

        reading.ask = (struct log_ask){ .from = from, .value = value };
        stage.renames_left = number;
        rig_say(fd, "three\n");
        rig_settle(&rig);
        end_reading();
        gives("one\ntwo\nthree\n", 0);
        close(fd);
        stream_free(s);
}

Test(rename_seq, a_gap_between_two_renames_is_not_the_end_of_history)
{
        read_after_rename(1, FROM_OFFSET, 0);
}

Test(rename_seq, a_gap_below_the_newest_backup_is_not_the_end_of_history)
{
        read_after_rename(2, FROM_LINES, 10);
}

Test(rename_seq, reading_after_a_rotation_is_whole)
{
        int fd;
        struct stream *s = three_files(&fd);

        reading.ask = (struct log_ask){ .from = FROM_OFFSET };
        rig_say(fd, "three\n");
        rig_settle(&rig);
        cr_expect_eq(rename_seq_count(reading.moves) % 2, 0);
        read_part(&reading);
        gives("one\ntwo\nthree\n", 0);
        close(fd);
        stream_free(s);
}

Test(rename_seq, a_ledger_of_before_is_looked_at_again)
{
        struct stat st;

        rig_write(&rig, "l", "new\n");
        cr_assert_eq(stat(reading.path, &st), 0);
        reading.ledger = ledger_box_new(7);
        ledger_box_heed(reading.ledger, reading.moves);
        struct stream_ledger l = { .written = 4, .inode = st.st_ino + 1 };
        ledger_box_put(reading.ledger, &l, NULL);
        reading.ask = (struct log_ask){ .from = FROM_OFFSET, .value = 4 };
        rename_seq_begin(reading.moves);
        begin_reading();
        l = (struct stream_ledger){ .written = 8, .base = 4, .inode = st.st_ino };
        ledger_box_put(reading.ledger, &l, NULL);
        rename_seq_end(reading.moves);
        end_reading();
        gives("new\n", 4);
}

/* As after a kill in the middle of a rotation, or when a backup was removed. */
Test(rename_seq, a_gap_without_a_rotation_is_the_end_of_history)
{
        rig_write(&rig, "l", "new\n");
        rig_write(&rig, "l.1", "old\n");
        rig_write(&rig, "l.3", "oldest\n");
        reading.ledger = ledger_box_new(0);
        ledger_box_heed(reading.ledger, reading.moves);
        reading.ask = (struct log_ask){ .from = FROM_LINES, .value = 10 };
        read_part(&reading);
        gives("old\nnew\n", -4);
}

Test(rename_seq, renames_that_hang_hold_up_only_readers_that_miss_a_file)
{
        rig_write(&rig, "l", "new\n");
        rig_write(&rig, "l.1", "old\n");
        reading.ledger = ledger_box_new(0);
        ledger_box_heed(reading.ledger, reading.moves);
        reading.ask = (struct log_ask){ .from = FROM_LINES, .value = 10 };
        rename_seq_begin(reading.moves);
        read_part(&reading);
        gives("old\nnew\n", -4);
        log_part_release(&reading.part);
        rig_write(&rig, "l.3", "oldest\n");
        read_part(&reading);
        cr_expect_eq(reading.part.result, TAIL_BUSY);
        rename_seq_end(reading.moves);
}

Test(rename_seq, the_main_log_is_there_while_it_is_rotated)
{
        const struct mainlog_conf conf = { .path = reading.path,
                                           .maxbytes = 1,
                                           .backups = 2,
                                           .level = LVL_INFO,
                                           .sys = &stage.ops };
        struct mainlog *m = mainlog_new(&conf, &rig.err);

        cr_assert(m);
        mainlog_heed(m, reading.moves);
        reading.ledger = mainlog_ledger_ref(m);
        reading.ask = (struct log_ask){ .from = FROM_LINES, .value = 10 };
        stage.renames_left = 1; /* it has no name, until there is a new one */
        log_line(mainlog_log(m), LVL_INFO, "a line");
        end_reading();
        cr_expect_eq(reading.part.result, TAIL_OK);
        cr_expect(strstr(buf_str(&reading.part.text), "a line\n"));
        mainlog_free(m);
}
