#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/err.h"

Test(err, appends_the_text_of_errno_and_keeps_errno)
{
        struct err e = { 0 };

        errno = ENOENT;
        cr_expect_not(err_set(&e, ERR_SYS, "open %s", "/x"));
        cr_expect_str_eq(e.text, "open /x: No such file or directory");
        cr_expect_eq(e.sys, ENOENT);
        cr_expect_eq(errno, ENOENT);
        cr_expect_eq(e.code, ERR_SYS);
}

Test(err, has_no_errno_where_no_call_failed)
{
        struct err e = { .sys = 7 };

        errno = EPERM;
        err_set(&e, ERR_CONFIG, "wrong");
        cr_expect_str_eq(e.text, "wrong");
        cr_expect_eq(e.sys, 0);
}

Test(err, wraps_context_in_front)
{
        struct err e = { 0 };

        err_set(&e, ERR_CONFIG, "expected 1, got 2");
        cr_expect_not(err_wrap(&e, "%s:%d: ", "web.conf", 7));
        cr_expect_str_eq(e.text, "web.conf:7: expected 1, got 2");
        cr_expect_eq(e.code, ERR_CONFIG);
}

Test(err, marks_what_did_not_fit)
{
        char big[2 * sizeof((struct err *)0)->text];
        struct err e = { 0 };

        memset(big, 'x', sizeof big - 1);
        big[sizeof big - 1] = '\0';
        errno = EIO;
        err_set(&e, ERR_SYS, "%s", big);
        cr_expect_eq(strlen(e.text), sizeof e.text - 1);
        cr_expect_str_eq(e.text + strlen(e.text) - 4, "x...");

        err_set(&e, ERR_CONFIG, "%.500s", big);
        err_wrap(&e, "a long way in front: ");
        cr_expect_str_eq(e.text + strlen(e.text) - 4, "x...");
        cr_expect_eq(strncmp(e.text, "a long way in front: x", 22), 0);
}

Test(err, may_be_null)
{
        cr_expect_not(err_set(NULL, ERR_SYS, "x"));
        cr_expect_not(err_wrap(NULL, "x"));
        cr_expect_not(err_nomem(NULL));
}
