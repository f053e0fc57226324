/* Following a log through rotation and truncation (compat 19.1). */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "readlog/follow.h"
#include "rig.h"

static struct rig rig;
static struct follow_hub *hub;
static struct follower *f;
static struct buf got; /* data as it is, truncations as {T}, replacements as {R} */
static int allowed;    /* so many calls until the reader has no room; -1: never */
static bool free_in_call;

static bool on_data(void *arg, enum follow_news news, const char *data, size_t len)
{
        (void)arg;
        if (news == FOLLOW_DATA)
                buf_put(&got, data, len);
        else
                buf_puts(&got, news == FOLLOW_TRUNCATED ? "{T}" : "{R}");
        if (free_in_call) {
                follower_free(f);
                f = NULL;
        }
        if (allowed > 0)
                allowed--;
        return allowed != 0;
}

static void setup(void)
{
        rig_open(&rig, false);
        hub = follow_hub_new(rig.loop);
        allowed = -1;
        rig_write(&rig, "l", "0123456789");
}

static void teardown(void)
{
        follower_free(f);
        f = NULL;
        follow_hub_free(hub);
        buf_release(&got);
        rig_close(&rig);
}

/* So many bytes before the end. */
static void open_at(off_t back)
{
        const struct follow_handler h = { .on_data = on_data };
        int fd = open(rig_path(&rig, "l"), O_RDONLY | O_CLOEXEC);
        struct stat st;

        cr_assert(fd >= 0 && fstat(fd, &st) == 0);
        int64_t at = back < st.st_size ? st.st_size - back : 0;
        f = follower_at(hub, rig_path(&rig, "l"), 0, fd, at, &h, &rig.err);
        cr_assert(f, "%s", rig.err.text);
}

static void follow(off_t back)
{
        open_at(back);
        follower_more(f);
}

static void expect(const char *want)
{
        rig_settle(&rig);
        cr_expect_str_eq(buf_str(&got), want, "'%s'", buf_str(&got));
}

TestSuite(follow, .init = setup, .fini = teardown);

Test(follow, begins_near_the_end_and_goes_on)
{
        follow(4);
        expect("6789");
        rig_write(&rig, "l", "abc");
        expect("6789abc");
        rig_write(&rig, "l", "def");
        expect("6789abcdef");
}

Test(follow, begins_at_the_beginning)
{
        follow(1024);
        expect("0123456789");
}

Test(follow, says_nothing_before_it_is_asked)
{
        open_at(3);
        rig_write(&rig, "l", "x");
        expect("");
        follower_more(f);
        expect("789x");
}

Test(follow, reads_a_rotated_file_to_its_end_then_the_new_one_from_its_start)
{
        follow(0);
        rig_write(&rig, "l", "last");
        cr_assert_eq(rename(rig_path(&rig, "l"), rig_path(&rig, "l.1")), 0);
        rig_write(&rig, "l.1", " words\n");
        rig_write(&rig, "l", "new\n");
        expect("last words\n{R}new\n");
        rig_write(&rig, "l", "more\n");
        expect("last words\n{R}new\nmore\n");
}

Test(follow, waits_for_a_missing_file_to_come_back)
{
        follow(0);
        cr_assert_eq(rename(rig_path(&rig, "l"), rig_path(&rig, "l.1")), 0);
        rig_settle(&rig);
        rig_write(&rig, "l.1", "still ");
        expect("still ");
        rig_write(&rig, "l", "new");
        expect("still {R}new");
        cr_assert_eq(unlink(rig_path(&rig, "l")), 0);
        expect("still {R}new");
        rig_write(&rig, "other", "x");
        expect("still {R}new");
        rig_write(&rig, "tmp", "moved in");
        cr_assert_eq(rename(rig_path(&rig, "tmp"), rig_path(&rig, "l")), 0);
        expect("still {R}new{R}moved in");
        rig_write(&rig, "l", "!");
        expect("still {R}new{R}moved in!");
}

Test(follow, sees_several_rotations_at_once)
{
        follow(0);
        for (int i = 0; i < 3; i++) {
                rename(rig_path(&rig, "l.1"), rig_path(&rig, "l.2"));
                rename(rig_path(&rig, "l"), rig_path(&rig, "l.1"));
                rig_write(&rig, "l", "x");
        }
        expect("{R}x");
        rig_write(&rig, "l", "y");
        expect("{R}xy");
}

Test(follow, starts_again_after_a_truncation)
{
        follow(2);
        expect("89");
        cr_assert_eq(truncate(rig_path(&rig, "l"), 0), 0);
        expect("89{T}");
        rig_write(&rig, "l", "anew");
        expect("89{T}anew");
}

Test(follow, stops_while_the_reader_has_no_room)
{
        allowed = 1;
        follow(2);
        expect("89");
        for (int i = 0; i < 100; i++)
                rig_write(&rig, "l", "x");
        rename(rig_path(&rig, "l"), rig_path(&rig, "l.1"));
        rig_write(&rig, "l", "new");
        expect("89");
        allowed = -1;
        buf_reset(&got);
        follower_more(f);
        rig_settle(&rig);
        cr_expect_eq(got.len, 100 + 3 + 3);
        cr_expect_str_eq(buf_str(&got) + 100, "{R}new");
}

Test(follow, hands_over_much_without_starving_others)
{
        cr_assert_eq(truncate(rig_path(&rig, "l"), 5 << 20), 0);
        follow(5 << 20);
        cr_expect_lt(got.len, 2 << 20);
        rig_settle(&rig);
        cr_expect_eq(got.len, 5 << 20);
}

Test(follow, may_be_freed_by_its_handler)
{
        free_in_call = true;
        follow(2);
        cr_expect_null(f);
        cr_expect(rig_idle(&rig));
}
