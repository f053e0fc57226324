/* Structs as bytes by tables: numbers that do not fit, texts, unknown tags, damage. */
#include "base/fields.h"

#include <criterion/criterion.h>
#include <string.h>

struct thing {
        int64_t big;
        int small;
        uint16_t wide;
        bool flag;
        const char *text;
        struct field_times times;
};

static const struct field rows[] = {
        FIELD(0, FIELD_INT, 6, "big", struct thing, big),
        FIELD(0, FIELD_UINT, 1, "small", struct thing, small),
        FIELD(0, FIELD_BOOL, 1, "flag", struct thing, flag),
        FIELD(1, FIELD_INT, 2, "tagged", struct thing, small),
        FIELD(2, FIELD_TEXT, 4, "text", struct thing, text),
        FIELD(3, FIELD_TIMES, 0, "times", struct thing, times),
        FIELD(4, FIELD_UINT, 2, "wide", struct thing, wide),
};
static const struct fields fields = FIELDS(rows), older = { rows, 5 };
static const struct fields *const layout[] = { &fields }, *const old_layout[] = { &older };

static struct thing over(const struct thing *a)
{
        struct thing b = { 0 };
        const void *const from[] = { a };
        void *const to[] = { &b };
        uint8_t bytes[8];

        cr_assert_eq(fields_pack(layout, 1, from, bytes), sizeof bytes);
        fields_unpack(layout, 1, to, bytes);
        return b;
}

Test(fields, a_number_that_does_not_fit_is_the_nearest_that_does)
{
        struct thing a = { .big = INT64_MAX, .small = 300, .flag = true };

        cr_expect_eq(over(&a).big, (INT64_C(1) << 47) - 1);
        cr_expect_eq(over(&a).small, 255);
        cr_expect(over(&a).flag);
        a.big = INT64_MIN;
        cr_expect_eq(over(&a).big, -(INT64_C(1) << 47));
        a.big = -1;
        cr_expect_eq(over(&a).big, -1);
}

static char room[256];

static size_t tail_of(const struct thing *a)
{
        struct field_tail tail = { .data = room, .max = sizeof room };
        const void *const from[] = { a };

        fields_pack_tail(layout, 1, from, &tail);
        cr_assert_not(tail.full);
        return tail.len;
}

Test(fields, a_tail_has_what_is_not_zero)
{
        struct thing a = {
                .small = -7, .text = "a long text", .times = { 2, { 5, -6 } }, .wide = 9
        };
        struct thing b = { .small = 1, .wide = 1 };
        void *const to[] = { &b };

        cr_assert(fields_unpack_tail(layout, 1, to, room, tail_of(&a)));
        cr_expect_eq(b.small, -7);
        cr_expect_str_eq(b.text, "a lo");
        cr_expect_eq(b.times.count, 2);
        cr_expect_eq(b.times.ms[1], -6);
        cr_expect_eq(b.wide, 9);
        a = (struct thing){ 0 };
        cr_assert_eq(tail_of(&a), 0);
        cr_assert(fields_unpack_tail(layout, 1, to, room, 0));
        cr_expect(b.small == 0 && b.wide == 0 && b.times.count == 0 && *b.text == '\0');
}

Test(fields, an_older_reader_passes_over_tags_that_it_does_not_know)
{
        const struct thing a = { .small = 3, .times = { 1, { 5 } }, .wide = 9 };
        struct thing b = { 0 };
        void *const to[] = { &b };

        cr_assert(fields_unpack_tail(old_layout, 1, to, room, tail_of(&a)));
        cr_expect_eq(b.small, 3);
        cr_expect_eq(b.wide, 0);
}

Test(fields, a_tail_that_is_cut_off_is_damaged)
{
        const struct thing a = { .text = "abcd", .times = { 2, { 5, 6 } } };
        struct thing b;
        void *const to[] = { &b };
        size_t len = tail_of(&a), text = 3 + 5;

        for (size_t cut = 1; cut < len; cut++)
                cr_expect(fields_unpack_tail(layout, 1, to, room, cut) == (cut == text), "%zu",
                          cut);
        room[text - 1] = 'x';
        cr_expect_not(fields_unpack_tail(layout, 1, to, room, len), "a text without its NUL");
        for (unsigned at = 0; at < len; at++)
                for (int n = 0; n < 256; n++) {
                        room[at] = (char)n;
                        fields_unpack_tail(layout, 1, to, room, len);
                }
}
