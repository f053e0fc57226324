/* The thread that reads logs back: whatever its disk does, the loop goes on. */
#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "readlog/reader.h"
#include "rig.h"

static struct rig rig;
static struct reader *reader;
static int disk[2]; /* reading from it hangs until the test writes */
static int answers, drops;

static void setup(void)
{
        rig_open(&rig, false);
        reader = reader_new(rig.loop);
        cr_assert_eq(pipe(disk), 0);
}

static void teardown(void)
{
        reader_free(reader);
        close(disk[0]);
        close(disk[1]);
        rig_close(&rig);
}

TestSuite(reader, .init = setup, .fini = teardown);

static void work(void *arg, struct read_turn *turn)
{
        (void)turn;
        cr_assert_eq(read(disk[0], arg, 1), 1);
}

static void done(void *owner, void *arg)
{
        cr_expect_eq(owner, (void *)&rig);
        cr_expect_eq(*(char *)arg, 'x');
        answers++;
}

static void drop(void *arg)
{
        drops++;
        free(arg);
}

static const struct read_work hangs = { work, done, drop, NULL };

static struct read_job *ask(void)
{
        return reader_ask(reader, &hangs, calloc(1, 1), &rig, &rig.err);
}

static bool all_dropped(struct rig *r)
{
        (void)r;
        return drops == 3;
}

Test(reader, leaves_the_loop_alone_while_a_disk_hangs)
{
        reader_run(reader);
        struct read_job *second;
        cr_assert(ask() && (second = ask()) && ask(), "%s", rig.err.text);
        rig_settle(&rig);
        cr_expect_eq(answers, 0);
        reader_cancel(second);
        cr_assert_eq(write(disk[1], "xx", 2), 2); /* what was cancelled is not read at all */
        cr_expect(rig_until(&rig, all_dropped));
        cr_expect_eq(answers, 2);
}

static int late;

static void on_late(void *owner)
{
        cr_expect_eq(owner, (void *)&rig);
        late++;
}

static void on_follow_late(void *arg)
{
        (void)arg;
        late++;
}

static bool both_are_late(struct rig *r)
{
        (void)r;
        return late == 3;
}

static bool one_dropped(struct rig *r)
{
        (void)r;
        return drops == 2;
}

/* The one that hangs, one that waits behind it, and one that follows. */
Test(reader, says_within_a_bound_that_a_disk_does_not_answer, .timeout = 60)
{
        static const struct read_work bounded = { work, done, drop, on_late };
        const struct follow_ask how = { .path = rig_path(&rig, "l") };
        const struct follow_news_handler h = { .on_late = on_follow_late };

        reader_run(reader);
        cr_assert(reader_ask(reader, &bounded, calloc(1, 1), &rig, &rig.err));
        cr_assert(reader_ask(reader, &bounded, calloc(1, 1), &rig, &rig.err));
        struct read_stream *s = reader_follow(reader, &how, &h, &rig.err);
        cr_assert(s, "%s", rig.err.text);
        for (int i = 0; i < 30 && late < 3; i++)
                rig_until(&rig, both_are_late);
        cr_expect_eq(late, 3);
        cr_expect_eq(answers, 0);
        cr_expect_eq(drops, 0, "the thread may still write to it");
        reader_unfollow(s);
        cr_assert_eq(write(disk[1], "x", 1), 1);
        cr_expect(rig_until(&rig, one_dropped));
        cr_expect_eq(answers, 0, "who has been told does not hear of it twice");
}

Test(reader, refuses_what_would_wait_too_long)
{
        int taken = 0;

        reader_run(reader);
        while (taken < 1000 && ask())
                taken++;
        cr_expect_eq(taken, 64);
        cr_expect_eq(rig.err.code, ERR_BUSY);
        cr_expect_eq(drops, 1, "what is refused is freed");
        char go[64];
        memset(go, 'x', sizeof go);
        cr_assert_eq(write(disk[1], go, sizeof go), (ssize_t)sizeof go);
}

Test(reader, never_answers_from_within_the_call)
{
        cr_assert_eq(write(disk[1], "x", 1), 1);
        cr_assert(ask());
        cr_expect_eq(answers, 0);
        rig_settle(&rig);
        cr_expect_eq(answers, 1);
}

/* ---- what takes long gives others their turn */

static atomic_bool enough;
static int given_up;

static void work_long(void *arg, struct read_turn *turn)
{
        while (!atomic_load(&enough) && turn->go_on(turn))
                usleep(1000);
        *(char *)arg = atomic_load(&enough) ? 'x' : 'g';
}

static void done_long(void *owner, void *arg)
{
        (void)owner;
        given_up += *(char *)arg == 'g';
        answers++;
}

static const struct read_work takes_long = { work_long, done_long, drop, NULL };

static void work_short(void *arg, struct read_turn *turn)
{
        (void)turn;
        *(char *)arg = 'x';
}

static const struct read_work is_short = { work_short, done, drop, NULL };

static bool is_answered(struct rig *r)
{
        (void)r;
        return answers == 3;
}

static bool has_left(struct rig *r)
{
        (void)r;
        return drops == 8;
}

Test(reader, reads_for_others_while_something_takes_long)
{
        struct read_job *jobs[5];

        reader_run(reader);
        for (int i = 0; i < 5; i++)
                cr_assert(jobs[i] = reader_ask(reader, &takes_long, calloc(1, 1), &rig, &rig.err));
        for (int i = 0; i < 3; i++)
                cr_assert(reader_ask(reader, &is_short, calloc(1, 1), &rig, &rig.err));
        cr_expect(rig_until(&rig, is_answered), "%d", answers);
        for (int i = 0; i < 5; i++) /* and a client that leaves ends it */
                reader_cancel(jobs[i]);
        cr_expect(rig_until(&rig, has_left), "%d", drops);
        cr_expect_eq(answers, 3);
}

Test(reader, ends_at_once_although_something_takes_long)
{
        reader_run(reader);
        for (int i = 0; i < 5; i++)
                cr_assert(reader_ask(reader, &takes_long, calloc(1, 1), &rig, &rig.err));
        cr_assert(reader_ask(reader, &is_short, calloc(1, 1), &rig, &rig.err));
        for (int i = 0; i < 1000 && !answers; i++) {
                rig_settle(&rig);
                usleep(1000);
        }
        reader_free(reader);
        reader = NULL;
        cr_expect_eq(drops, 6, "none was left to a thread that hangs: %d", drops);
}

/* ---- following */

static struct buf got;
static struct read_stream *stream;
static size_t begun_at;
static int ends;
static bool takes;

static void on_begin(void *arg, const struct log_part *part)
{
        (void)arg;
        cr_expect_eq(part->result, TAIL_OK);
        begun_at = (size_t)part->offset;
        buf_put(&got, part->text.data, part->text.len);
}

static void on_text(void *arg, const char *data, size_t len)
{
        (void)arg;
        buf_put(&got, data, len);
        if (takes)
                reader_taken(stream, len);
}

static void on_end(void *arg)
{
        (void)arg;
        ends++;
}

static void follow(enum log_from from, int64_t value)
{
        const struct follow_ask how = { .path = rig_path(&rig, "l"),
                                        .from = { .from = from, .value = value } };
        const struct follow_news_handler h = { NULL, on_begin, on_text, on_end, NULL };

        stream = reader_follow(reader, &how, &h, &rig.err);
        cr_assert(stream, "%s", rig.err.text);
}

static bool is_complete(struct rig *r)
{
        (void)r;
        return got.len >= 7 && strcmp(got.data + got.len - 4, "new\n") == 0;
}

static bool has_begun(struct rig *r)
{
        (void)r;
        return got.len == 4;
}

static void follow_in(bool thread)
{
        if (thread)
                reader_run(reader);
        takes = true;
        rig_write(&rig, "l", "one\ntwo\n");
        follow(FROM_LINES, 1);
        cr_expect(rig_until(&rig, has_begun));
        rig_write(&rig, "l", "three\n");
        rename(rig_path(&rig, "l"), rig_path(&rig, "l.1"));
        rig_write(&rig, "l", "new\n");
        cr_expect(rig_until(&rig, is_complete));
        cr_expect_eq(begun_at, 4);
        reader_unfollow(stream);
        rig_settle(&rig);
        buf_release(&got);
}

Test(reader, follows_a_log)
{
        follow_in(false);
}

Test(reader, follows_a_log_from_its_thread)
{
        follow_in(true);
}

Test(reader, reads_no_further_ahead_than_is_taken)
{
        AUTO_BUF text = BUF_INIT;

        for (int i = 0; i < 200000; i++)
                buf_printf(&text, "line %d\n", i);
        rig_write(&rig, "l", text.data);
        follow(FROM_OFFSET, 0);
        for (int i = 0; i < 20; i++)
                rig_settle(&rig);
        cr_expect(got.len >= 65536 && got.len <= 512 * 1024, "%zu", got.len);
        takes = true;
        reader_taken(stream, got.len);
        for (int i = 0; i < 2000 && got.len < text.len; i++)
                rig_settle(&rig);
        cr_expect(got.len == text.len && memcmp(got.data, text.data, text.len) == 0);
        reader_unfollow(stream);
        rig_settle(&rig);
        buf_release(&got);
}

static void on_refused(void *arg, const struct log_part *part)
{
        (void)arg;
        cr_expect_eq(part->result, TAIL_NO_FILE);
        begun_at = 77;
}

Test(reader, says_when_there_is_nothing_to_follow)
{
        const struct follow_ask how = { .path = rig_path(&rig, "none") };
        const struct follow_news_handler h = { NULL, on_refused, on_text, on_end, NULL };

        stream = reader_follow(reader, &how, &h, &rig.err);
        rig_settle(&rig);
        cr_expect(begun_at == 77 && ends == 1);
        reader_unfollow(stream);
        rig_settle(&rig);
}

Test(reader, follows_while_something_takes_long)
{
        reader_run(reader);
        struct read_job *j = reader_ask(reader, &takes_long, calloc(1, 1), &rig, &rig.err);
        cr_assert(j, "%s", rig.err.text);
        follow_in(true);
        cr_expect_eq(answers, 0);
        reader_cancel(j);
}

static int64_t zeros_at(const char *name, off_t size)
{
        rig_write(&rig, name, "");
        cr_assert_eq(truncate(rig_path(&rig, name), size), 0);
        return 1;
}

/* It is left while its beginning is looked for. */
Test(reader, lets_go_of_a_follow_that_has_not_begun)
{
        reader_run(reader);
        zeros_at("l", (off_t)1 << 40);
        follow(FROM_TIME, 1);
        usleep(100000);
        reader_unfollow(stream);
        cr_assert(reader_ask(reader, &is_short, calloc(1, 1), &rig, &rig.err));
        drops = 2;
        cr_expect(rig_until(&rig, all_dropped));
}
