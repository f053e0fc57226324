#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"

Test(hash, shows_every_single_flipped_bit)
{
        unsigned char data[61];

        for (size_t i = 0; i < sizeof data; i++)
                data[i] = (unsigned char)(i * 37);
        for (size_t len = 1; len <= sizeof data; len++) {
                uint64_t whole = hash_bytes(len, data, len);
                for (size_t bit = 0; bit < len * 8; bit++) {
                        data[bit / 8] ^= (unsigned char)(1 << bit % 8);
                        cr_assert_neq(hash_bytes(len, data, len), whole, "%zu of %zu", bit, len);
                        data[bit / 8] ^= (unsigned char)(1 << bit % 8);
                }
        }
}

Test(hash, is_never_zero)
{
        cr_expect_neq(hash_bytes(0, "", 0), 0);
        cr_expect_neq(hash_bytes(0, "\0\0\0\0\0\0\0\0", 8), 0);
        cr_expect_neq(hash_text(0, ""), 0);
}

Test(hash, tells_texts_apart_wherever_one_ends)
{
        uint64_t a = hash_text(hash_text(0, "ab"), "c");

        cr_expect_neq(a, hash_text(hash_text(0, "a"), "bc"));
        cr_expect_neq(a, hash_text(hash_text(0, "abc"), ""));
        cr_expect_neq(hash_text(0, "a"), hash_bytes(0, "a\0", 2));
        cr_expect_eq(a, hash_text(hash_text(0, "ab"), "c"));
}

/* What is on disk is checked by it. */
Test(hash, stays_the_same_from_version_to_version)
{
        cr_expect_eq(hash_word(1, 2), UINT64_C(0xdaa66d2ca7791913));
        cr_expect_eq(hash_bytes(7, "supervisord", 11), UINT64_C(0xd8ca2a95e3cdd491));
        cr_expect_eq(hash_text(7, "supervisord"), UINT64_C(0xf782ec7da3d9fa9f));
}

Test(hash, spreads_over_the_low_bits_of_a_table)
{
        int used[64] = { 0 }, most = 0;

        for (int i = 0; i < 6400; i++) {
                char name[32];
                snprintf(name, sizeof name, "worker_%05d", i);
                int n = ++used[hash_text(0, name) & 63];
                most = n > most ? n : most;
        }
        for (int pid = 300; pid < 6700; pid++) {
                int n = ++used[hash_word(0, (uint64_t)pid) & 63];
                most = n > most ? n : most;
        }
        cr_expect_lt(most, 280, "%d of 200", most);
}
