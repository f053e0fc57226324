#include <criterion/criterion.h>

#include "base/buf.h"
#include "ctl/transport/session.h"
#include "ctl/transport/url.h"

Test(url, of_a_unix_socket_has_a_path)
{
        struct url u;
        struct err e;

        cr_assert(url_parse("unix:///run/s.sock", &u, &e));
        cr_expect_eq(u.kind, URL_UNIX);
        cr_expect_str_eq(u.path, "/run/s.sock");
        cr_expect(url_is_usable(&u));
        url_release(&u);
}

Test(url, of_a_server_has_a_host_and_a_port)
{
        static const struct {
                const char *text, *host, *port;
        } rows[] = {
                { "http://localhost:9001", "localhost", "9001" },
                { "http://localhost", "localhost", "80" },
                { "http://joe:secret@h:1/path", "h", "1" },
                { "http://[::1]:9001", "::1", "9001" },
                { "http://[::1]", "::1", "80" },
                { "HTTP://x:2?q", "x", "2" },
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                struct url u;
                struct err e;
                cr_assert(url_parse(rows[i].text, &u, &e));
                cr_expect_eq(u.kind, URL_HTTP);
                cr_expect_str_eq(u.host, rows[i].host);
                cr_expect_str_eq(u.port, rows[i].port);
                cr_expect_str_eq(u.text, rows[i].text);
                url_release(&u);
        }
}

Test(url, needs_a_scheme_and_something_behind_it)
{
        static const char *const wrong[] = { "", "foo", "unix://", "http://", "://x", "/x", "1:x" };
        struct url u;
        struct err e;

        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
                cr_expect_not(url_parse(wrong[i], &u, &e), "%s", wrong[i]);
        cr_expect_not(url_parse("foo", &u, &e));
        cr_expect_str_eq(e.text, "value 'foo' is not a URL");
}

Test(url, of_another_kind_is_one_but_of_no_use)
{
        struct url u;
        struct err e;

        cr_assert(url_parse("ftp://x/y", &u, &e));
        cr_expect_eq(u.kind, URL_OTHER);
        cr_expect_not(url_is_usable(&u));
        url_release(&u);
        cr_assert(url_parse("unix:s.sock", &u, &e));
        cr_expect_eq(u.kind, URL_OTHER);
        url_release(&u);
}
