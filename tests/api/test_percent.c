#include <criterion/criterion.h>
#include <string.h>

#include "api/rest/routes.h"
#include "wire/percent.h"

static struct buf out;

static void setup(void)
{
        out = BUF_INIT;
}

static void teardown(void)
{
        buf_release(&out);
}

TestSuite(percent, .init = setup, .fini = teardown);

static const char *decoded(const char *text, bool plus)
{
        buf_reset(&out);
        percent_decode(text, strlen(text), plus, &out);
        return buf_str(&out);
}

Test(percent, decodes_what_is_encoded_and_keeps_the_rest)
{
        cr_expect_str_eq(decoded("a%20b%3A%2f", false), "a b:/");
        cr_expect_str_eq(decoded("%", false), "%");
        cr_expect_str_eq(decoded("%4", false), "%4");
        cr_expect_str_eq(decoded("%4g%41", false), "%4gA");
        cr_expect_str_eq(decoded("a+b", false), "a+b");
        cr_expect_str_eq(decoded("a+b", true), "a b");
        decoded("x%00y", false);
        cr_expect_eq(out.len, 3);
}

Test(percent, encodes_so_that_it_decodes_to_the_same)
{
        struct buf back = BUF_INIT;

        percent_encode("web:web_00 ä/%?#&", &out);
        cr_expect_null(strpbrk(out.data, " /?#&"));
        percent_decode(out.data, out.len, true, &back);
        cr_expect_str_eq(buf_str(&back), "web:web_00 ä/%?#&");
        buf_release(&back);
}

static void expect_split(const char *target, const char *path, const char *query)
{
        struct target_parts p = target_split(target);

        cr_expect_eq(p.path_len, strlen(path), "%s", target);
        cr_expect_eq(strncmp(p.path, path, p.path_len), 0, "%s", target);
        cr_expect_str_eq(p.query, query);
}

Test(percent, splits_targets)
{
        expect_split("/a/b?x=1", "/a/b", "x=1");
        expect_split("/a/b", "/a/b", "");
        expect_split("/?", "/", "");
        expect_split("?x", "/", "x");
        expect_split("http://host:1/a?b", "/a", "b");
        expect_split("http://host", "/", "");
        expect_split("http://host?q", "/", "q");
        expect_split("/a#frag?no", "/a", "");
        expect_split("*", "*", "");
}

Test(percent, finds_each_query_parameter_of_a_name)
{
        const char *at = "name=a&x=1&name=b%2A&name&y#name=c";
        static const char *const wanted[] = { "a", "b*", "" };

        for (int i = 0; i < 3; i++) {
                buf_reset(&out);
                cr_expect(query_next(&at, "name", &out));
                cr_expect_str_eq(buf_str(&out), wanted[i]);
        }
        cr_expect_not(query_next(&at, "name", &out));
}

Test(percent, finds_query_parameters)
{
        cr_expect(query_param("a=1&bb=x%26y+z&c", "bb", &out));
        cr_expect_str_eq(buf_str(&out), "x&y z");
        buf_reset(&out);
        cr_expect(query_param("a=1&bb=2&c", "c", &out));
        cr_expect_str_eq(buf_str(&out), "");
        cr_expect_not(query_param("a=1&bb=2", "b", &out));
        cr_expect_not(query_param("", "b", &out));
        cr_expect(query_param("a=1#b=2", "a", &out));
        cr_expect_str_eq(buf_str(&out), "1");
        cr_expect_not(query_param("a=1#&b=2", "b", &out));
}

static bool fits(const char *pattern, const char *path)
{
        buf_reset(&out);
        return rest_path_fits(pattern, path, strlen(path), &out);
}

Test(percent, matches_route_patterns_before_decoding)
{
        cr_expect(fits("/v1/info", "/v1/info"));
        cr_expect_not(fits("/v1/info", "/v1/inf"));
        cr_expect_not(fits("/v1/info", "/v1/info/"));
        cr_expect(fits("/v1/processes/{}/start", "/v1/processes/g:a%2Fb/start"));
        cr_expect_str_eq(buf_str(&out), "g:a/b");
        cr_expect_not(fits("/v1/processes/{}/start", "/v1/processes//start"));
        cr_expect_not(fits("/v1/processes/{}/start", "/v1/processes/a/b/start"));
        cr_expect(fits("/v1/processes/{}", "/v1/processes/*"));
        cr_expect_str_eq(buf_str(&out), "*");
        cr_expect_not(fits("/v1/processes/{}", "/v1/processes/a/start"));
}
