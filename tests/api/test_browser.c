#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "api/access/browser.h"

/* The table: what comes over TCP, with a password set and without. */

static struct server_conf locked = { .kind = SERVER_INET,
                                     .username = "u",
                                     .password = "p",
                                     .port = { "sup.internal", 9001 },
                                     .allowed_hosts = "panel.example, [fd00::1]:8443 ,x:9" };
static struct server_conf opened = { .kind = SERVER_INET,
                                     .port = { "sup.internal", 9001 },
                                     .allowed_hosts = "panel.example, [fd00::1]:8443 ,x:9" };

static const char *const paths[] = {
        "/",         "/index.html", "/tail.html",   "/ok.html",
        "/RPC2",     "/RPC2/x",     "/v1/info",     "/v1/processes/w/stop",
        "/v1/none",  "/logtail/w",  "/mainlogtail", "/nowhere",
        "/healthzz", "/healthz/"
};

#define EACH(i, list) (size_t i = 0; i < sizeof(list) / sizeof *(list); i++)

static bool is_served(const struct server_conf *s, struct browser_ask a)
{
        const char *why = browser_refusal(&a, s, "box");

        if (why)
                cr_expect(strstr(why, "allowed_hosts"), "%s", why);
        return !why;
}

Test(browser, serves_what_sends_none_of_it)
{
        static const char *const hosts[] = { NULL,
                                             "",
                                             "127.0.0.1:9001",
                                             "localhost",
                                             "LocalHost:1",
                                             "localhost.:9001",
                                             "[::1]:9001",
                                             "[::1]",
                                             "[FD00::2]:80",
                                             "10.1.2.3",
                                             "box",
                                             "BOX:9001",
                                             "sup.internal:9001",
                                             "panel.example",
                                             "Panel.Example:1",
                                             "[fd00:0::1]",
                                             "x" };

        for
                EACH(i, paths)
                for
                        EACH(k, hosts)
                        {
                                struct browser_ask a = { .method = "POST",
                                                         .path = paths[i],
                                                         .host = hosts[k] };
                                cr_expect(is_served(&opened, a), "%s %s", paths[i], hosts[k]);
                                cr_expect(is_served(&locked, a), "%s %s", paths[i], hosts[k]);
                        }
}

Test(browser, refuses_a_foreign_host_unless_a_password_is_asked_for)
{
        static const char *const hosts[] = {
                "evil.example",
                "evil.example:9001",
                "127.0.0.1.evil.example:9001",
                "localhost.evil",
                ":80",
                "[::1",
                "[::1]x",
                "[localhost]",
                "[127.0.0.1]",
                "localhost:9001x",
                "localhost:9001:1",
                "127.0.0.1:evil",
                "notpanel.example",
                "panel.example.evil",
                "panel",
                "a.panel.example",
                "localhost,evil",
                "u@localhost",
                "localhost/evil",
                "boxx",
                "bo",
                "sup.internal.",
                "127.1",
                "2130706433",
        };

        for
                EACH(i, paths)
                for
                        EACH(k, hosts)
                        {
                                struct browser_ask a = { .method = "GET",
                                                         .path = paths[i],
                                                         .host = hosts[k] };
                                bool ours = strcmp(hosts[k], "sup.internal.") == 0;
                                cr_expect_eq(is_served(&opened, a), ours, "%s %s", paths[i],
                                             hosts[k]);
                                cr_expect(is_served(&locked, a), "%s %s", paths[i], hosts[k]);
                        }
}

static const struct {
        const char *host, *origin;
        bool served;
} origins[] = {
        { "localhost:9001", "http://localhost:9001", true },
        { "localhost:9001", "HTTP://LOCALHOST:9001", true },
        { "LOCALHOST:9001", "http://localhost:9001", true },
        { "localhost:9001", "https://localhost:9001", true }, /* a proxy's TLS */
        { "localhost", "http://localhost", true },
        { "localhost:80", "http://localhost", true },
        { "localhost", "http://localhost:80", true },
        { "localhost", "https://localhost:443", true },
        { "localhost:443", "https://localhost", true },
        { "localhost:09001", "http://localhost:9001", true },
        { "[::1]:9001", "http://[::1]:9001", true },
        { "[::1]:9001", "http://[0:0::1]:9001", true },
        { "127.0.0.1:9001", "https://panel.example", true },
        { "127.0.0.1:9001", "https://panel.example:443", true },
        { "127.0.0.1:9001", "http://panel.example:9001", true },
        { "127.0.0.1:9001", "http://[fd00::1]", true },
        { "", "https://panel.example", true },
        { NULL, "https://panel.example", true },
        { "localhost:9001", "", false },
        { "localhost:9001", "null", false },
        { "localhost:9001", "http://", false },
        { "localhost:9001", "http://localhost", false },
        { "localhost:9001", "http://localhost:9002", false },
        { "localhost:9001", "http://localhost:3000", false },
        { "localhost", "http://localhost:443", false },
        { "localhost", "https://localhost:80", false },
        { "localhost:9001", "http://127.0.0.1:9001", false },
        { "127.0.0.1:9001", "http://localhost:9001", false },
        { "localhost:9001", "localhost:9001", false },
        { "localhost:9001", "file://localhost:9001", false },
        { "localhost:9001", "chrome-extension://localhost:9001", false },
        { "localhost:9001", "http://localhost:9001/", false },
        { "localhost:9001", "http://localhost:9001/x", false },
        { "localhost:9001", "http://localhost:9001 http://evil.example", false },
        { "localhost:9001", "http://evil.example http://localhost:9001", false },
        { "localhost:9001", "http://evil.example", false },
        { "localhost:9001", "http://evil.example:9001", false },
        { "localhost:9001", "http://localhost.evil.example:9001", false },
        { "localhost:9001", "http://u@localhost:9001", false },
        { "[::1]:9001", "http://[::1]:9002", false },
        { "[::1]:9001", "http://[::2]:9001", false },
        { "[::1]:9001", "http://::1:9001", false },
        { "127.0.0.1:9001", "https://panel.example:8443", false },
        { "127.0.0.1:9001", "https://a.panel.example", false },
        { "127.0.0.1:9001", "http://[fd00::1]:8443", false },
        { "", "http://localhost:9001", false },
        { NULL, "http://localhost:9001", false },
        { "", "", false },
        { NULL, "", false },
};

Test(browser, wants_the_origin_to_be_the_host_with_its_port)
{
        static const char *const methods[] = { "GET", "HEAD", "POST", "OPTIONS" };

        for
                EACH(i, paths)
                for
                        EACH(k, origins)
                        for
                                EACH(m, methods)
                                {
                                        struct browser_ask a = { .method = methods[m],
                                                                 .path = paths[i],
                                                                 .host = origins[k].host,
                                                                 .origin = origins[k].origin };
                                        cr_expect_eq(is_served(&locked, a), origins[k].served,
                                                     "%s %s at %s", paths[i], origins[k].origin,
                                                     origins[k].host);
                                        cr_expect_eq(is_served(&opened, a), origins[k].served,
                                                     "%s %s at %s", paths[i], origins[k].origin,
                                                     origins[k].host);
                                        a.two_origins = true;
                                        cr_expect_not(is_served(&locked, a), "twice");
                                }
}

Test(browser, serves_the_pages_of_a_proxy_in_front_of_a_password)
{
        struct browser_ask a = { .method = "POST",
                                 .path = "/RPC2",
                                 .host = "sup.example.org",
                                 .origin = "https://sup.example.org",
                                 .site = "same-origin" };

        cr_expect(is_served(&locked, a));
        cr_expect_not(is_served(&opened, a));
        a.origin = "https://evil.example";
        cr_expect_not(is_served(&locked, a));
}

Test(browser, refuses_what_pages_of_other_sites_ask)
{
        static const char *const modes[] = { NULL, "cors", "no-cors", "navigate", "websocket" };
        static const struct {
                const char *site;
                bool served;
        } sites[] = { { "same-origin", true }, { "none", true },       { "Same-Origin", true },
                      { "cross-site", false }, { "same-site", false }, { "CROSS-SITE", false },
                      { "", false },           { "else", false } };

        for
                EACH(i, paths)
                for
                        EACH(k, sites)
                        for
                                EACH(m, modes)
                                {
                                        struct browser_ask a = { .method = "GET",
                                                                 .path = paths[i],
                                                                 .host = "localhost:9001",
                                                                 .site = sites[k].site,
                                                                 .mode = modes[m] };
                                        bool link = strcmp(paths[i], "/") == 0 && modes[m] &&
                                                    strcmp(modes[m], "navigate") == 0;
                                        cr_expect_eq(is_served(&locked, a), sites[k].served || link,
                                                     "%s %s %s", paths[i], sites[k].site, modes[m]);
                                        cr_expect_eq(is_served(&opened, a), sites[k].served || link,
                                                     "%s %s %s", paths[i], sites[k].site, modes[m]);
                                        a.two_sites = true;
                                        cr_expect_not(is_served(&locked, a), "twice");
                                }
}

Test(browser, serves_a_link_to_the_first_page_and_nothing_that_is_like_it)
{
        struct browser_ask link = { .method = "GET",
                                    .path = "/",
                                    .host = "localhost:9001",
                                    .site = "cross-site",
                                    .mode = "navigate",
                                    .dest = "document" };
        struct browser_ask a = link;

        cr_expect(is_served(&opened, a));
        a.method = "POST";
        cr_expect_not(is_served(&opened, a), "a form");
        a = link;
        a.dest = "iframe";
        cr_expect_not(is_served(&opened, a), "a frame");
        a = link;
        a.host = "evil.example";
        cr_expect_not(is_served(&opened, a), "a name that was pointed here");
        a = link;
        a.origin = "http://evil.example";
        cr_expect_not(is_served(&opened, a));
}
