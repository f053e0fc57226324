#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "api/access/auth.h"

static struct server_conf locked = { .username = "ann", .password = "pa:ss word" };

static enum auth_verdict try(const char *header)
{
        return auth_check(&locked, header);
}

Test(auth, lets_everybody_in_where_no_password_is_set)
{
        struct server_conf open = { 0 };

        cr_expect_eq(auth_check(&open, NULL), AUTH_OPEN);
        cr_expect_eq(auth_check(&open, "Basic ???"), AUTH_OPEN);
}

Test(auth, takes_the_right_password_and_no_other)
{
        cr_expect_eq(try("Basic YW5uOnBhOnNzIHdvcmQ="), AUTH_OK);
        cr_expect_eq(try("basic   YW5uOnBhOnNzIHdvcmQ="), AUTH_OK);
        cr_expect_eq(try("Basic YW5uOnBhOnNzIHdvcmR4"), AUTH_DENIED); /* one more byte */
        cr_expect_eq(try("Basic YW5uOnBhOnNzIHdvcg=="), AUTH_DENIED); /* one less */
        cr_expect_eq(try("Basic Ym9iOnBhOnNzIHdvcmQ="), AUTH_DENIED); /* bob */
        cr_expect_eq(try("Basic YW5uOg=="), AUTH_DENIED);             /* empty */
        cr_expect_eq(try("Basic Og=="), AUTH_DENIED);
        cr_expect_eq(try(NULL), AUTH_DENIED);
        cr_expect_eq(try("Bearer abc"), AUTH_DENIED);
        cr_expect_eq(try("Basic"), AUTH_DENIED);
}

Test(auth, calls_garbled_what_cannot_be_decoded)
{
        static const char *const garbled[] = { "Basic YW5",  "Basic Y===", "Basic YW5u!!!!",
                                               "Basic YW5u", "Basic =W5u", "Basic YW=u" };

        for (size_t i = 0; i < sizeof garbled / sizeof *garbled; i++)
                cr_expect_eq(try(garbled[i]), AUTH_GARBLED, "%s", garbled[i]);
}

/* compat section 19 */
Test(auth, knows_hashed_passwords)
{
        static const struct {
                const char *given,
                    *hex; /* ann:GIVEN, encoded; the examples of FIPS 180, and others */
        } known[] = {
                { "YW5uOnMzY3JldA==", "fef341f85d87439e7d91a2d465b9871ef66b5e98" },
                { "YW5uOg==", "da39a3ee5e6b4b0d3255bfef95601890afd80709" },
                { "YW5uOmFiYw==", "a9993e364706816aba3e25717850c26c9cd0d89d" },
                { "YW5uOmFiY2RiY2RlY2RlZmRlZmdlZmdoZmdoaWdoaWpoaWpraWprbGprbG1rbG1ubG1ub21ub3Bub3B"
                  "x",
                  "84983e441c3bd26ebaae4aa1f95129e5e54670f1" },
        };

        for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
                char header[128], password[64];
                snprintf(header, sizeof header, "Basic %s", known[i].given);
                snprintf(password, sizeof password, "{SHA}%s", known[i].hex);
                struct server_conf sha = { .username = "ann", .password = password };
                cr_expect_eq(auth_check(&sha, header), AUTH_OK, "%s", known[i].hex);
                cr_expect_eq(auth_check(&sha, "Basic YW5uOnMzY3JlVA=="), AUTH_DENIED);
        }
}

Test(auth, compares_whole_secrets)
{
        cr_expect(same_secret("ab", 2, "ab", 2));
        cr_expect_not(same_secret("ab", 2, "abab", 4));
        cr_expect_not(same_secret("abab", 4, "ab", 2));
        cr_expect_not(same_secret("", 0, "a", 1));
        cr_expect_not(same_secret("a", 1, "", 0));
        cr_expect(same_secret("", 0, "", 0));
}
