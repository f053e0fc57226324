#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/strlist.h"

Test(strs, is_terminated_like_an_argv)
{
        AUTO_STRLIST v = STRLIST_INIT;

        for (int i = 0; i < 100; i++) {
                char s[16];
                snprintf(s, sizeof s, "%d", i);
                cr_assert(strlist_add(&v, s));
                cr_assert_null(v.items[v.count]);
        }
        cr_expect_eq(v.count, 100);
        cr_expect_str_eq(v.items[99], "99");
        cr_expect(strlist_has(&v, "42"));
        cr_expect_not(strlist_has(&v, "4 2"));
}

Test(strs, refuses_what_was_never_allocated)
{
        AUTO_STRLIST v = STRLIST_INIT;

        cr_expect_not(strlist_take(&v, NULL));
        cr_expect_eq(v.count, 0);
}

Test(strs, copies_deeply)
{
        struct strlist a = STRLIST_INIT, b, empty;
        AUTO_STRLIST none = STRLIST_INIT;

        strlist_add(&a, "x");
        strlist_add_n(&a, "yes", 1);
        cr_assert(strlist_copy(&b, &a));
        cr_expect_neq(b.items[0], a.items[0]);
        cr_expect_str_eq(b.items[1], "y");
        cr_expect_null(b.items[2]);
        cr_assert(strlist_copy(&empty, &none));
        cr_expect_eq(empty.count, 0);
        strlist_release(&a);
        strlist_release(&b);
}

Test(strs, sorts_by_bytes)
{
        AUTO_STRLIST v = STRLIST_INIT;

        strlist_sort(&v);
        strlist_add(&v, "p_2");
        strlist_add(&v, "p_10");
        strlist_add(&v, "\xc3\xa9");
        strlist_add(&v, "P");
        strlist_sort(&v);
        cr_expect_str_eq(v.items[0], "P");
        cr_expect_str_eq(v.items[1], "p_10");
        cr_expect_str_eq(v.items[2], "p_2");
        cr_expect_str_eq(v.items[3], "\xc3\xa9");
        cr_expect_null(v.items[4]);
}

Test(strs, is_an_environment)
{
        AUTO_STRLIST v = STRLIST_INIT;

        cr_assert(strlist_setenv(&v, "PATH", "/bin"));
        cr_assert(strlist_setenv(&v, "PA", "1"));
        cr_assert(strlist_setenv(&v, "PATH", "/usr/bin"));
        cr_expect_eq(v.count, 2);
        cr_expect_str_eq(strlist_getenv(&v, "PATH"), "/usr/bin");
        cr_expect_str_eq(strlist_getenv(&v, "PA"), "1");
        cr_expect_null(strlist_getenv(&v, "P"));
        cr_expect_null(v.items[2]);
}
