#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

Test(buf, is_an_empty_string_before_anything_was_put)
{
        struct buf b = BUF_INIT;

        cr_expect_str_eq(buf_str(&b), "");
        buf_drop(&b, 5);
        buf_put(&b, NULL, 0);
        cr_expect_eq(b.len, 0);
        char *taken = buf_take(&b);
        cr_expect_str_eq(taken, "");
        free(taken);
}

Test(buf, grows_and_stays_terminated)
{
        AUTO_BUF b = BUF_INIT;

        for (int i = 0; i < 1000; i++) {
                buf_printf(&b, "%d,", i);
                cr_assert_eq(b.data[b.len], '\0');
        }
        cr_expect_eq(b.len, 3890);
        cr_expect_str_eq(buf_str(&b) + b.len - 8, "998,999,");
}

Test(buf, keeps_nul_bytes)
{
        AUTO_BUF b = BUF_INIT;

        buf_put(&b, "a\0b", 3);
        buf_putc(&b, 'c');
        cr_expect_eq(b.len, 4);
        cr_expect_arr_eq(b.data, "a\0bc", 5);
}

Test(buf, drops_from_the_front)
{
        AUTO_BUF b = BUF_INIT;

        buf_puts(&b, "hello world");
        buf_drop(&b, 6);
        cr_expect_str_eq(buf_str(&b), "world");
        buf_drop(&b, 100);
        cr_expect_str_eq(buf_str(&b), "");
        buf_puts(&b, "again");
        cr_expect_str_eq(buf_str(&b), "again");
}

Test(buf, failure_is_sticky_until_reset)
{
        AUTO_BUF b = BUF_INIT;

        buf_puts(&b, "first");
        cr_expect_not(buf_reserve(&b, SIZE_MAX - 2));
        buf_puts(&b, "ignored");
        cr_expect(b.failed);
        cr_expect_str_eq(buf_str(&b), "first");
        buf_reset(&b);
        buf_puts(&b, "fresh");
        cr_expect_str_eq(buf_str(&b), "fresh");
}

Test(buf, hands_its_memory_over_once)
{
        struct buf b = BUF_INIT;

        buf_puts(&b, "mine");
        char *taken = buf_take(&b);
        cr_expect_str_eq(taken, "mine");
        cr_expect_null(b.data);
        free(taken);

        buf_puts(&b, "lost");
        b.failed = true;
        cr_expect_null(buf_take(&b));
        cr_expect_null(b.data);
}

Test(buf, writes_numbers_as_printf_does)
{
        static const int64_t numbers[] = { 0, 7, -7, 10, 1234567890123, INT64_MAX, INT64_MIN };
        AUTO_BUF ours = BUF_INIT;
        AUTO_BUF theirs = BUF_INIT;

        for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
                buf_put_int(&ours, numbers[i]);
                buf_lit(&ours, " ");
                buf_printf(&theirs, "%lld ", (long long)numbers[i]);
        }
        cr_expect_str_eq(buf_str(&ours), buf_str(&theirs));
}

/* Formatting goes into the room that there is first: just enough, one too few, none at all. */
Test(buf, prints_whatever_room_is_left)
{
        for (size_t used = 0; used < 140; used++) {
                AUTO_BUF b = BUF_INIT;
                for (size_t i = 0; i < used; i++)
                        buf_putc(&b, 'x');
                buf_printf(&b, "%s%d", "hello", 12345);
                cr_assert_eq(b.len, used + 10);
                cr_assert_str_eq(buf_str(&b) + used, "hello12345");
        }
}

Test(buf, begins_in_the_callers_room_and_leaves_it_when_that_is_full)
{
        char room[8];
        AUTO_BUF b = BUF_ON(room);

        cr_expect_str_eq(buf_str(&b), "");
        buf_puts(&b, "seven77");
        cr_expect_eq(b.data, room);
        buf_putc(&b, '8');
        cr_expect_neq(b.data, room);
        cr_expect_str_eq(buf_str(&b), "seven778");
        struct buf small = BUF_ON(room);
        buf_puts(&small, "mine");
        char *taken = buf_take(&small);
        cr_expect_str_eq(taken, "mine");
        cr_expect_neq(taken, room, "what is handed over can be freed");
        free(taken);
}

Test(buf, holds_no_more_than_it_may_and_can_be_cut_back)
{
        AUTO_BUF b = BUF_INIT;

        b.most = 10;
        buf_puts(&b, "12345");
        buf_puts(&b, "67890");
        cr_expect_not(b.failed);
        buf_putc(&b, 'x');
        cr_expect(b.failed);
        buf_cut(&b, 5);
        cr_expect_not(b.failed);
        cr_expect_str_eq(buf_str(&b), "12345");
        buf_cut(&b, 7);
        cr_expect_str_eq(buf_str(&b), "12345");
        buf_puts(&b, "6");
        cr_expect_str_eq(buf_str(&b), "123456");
}
