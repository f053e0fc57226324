#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "api/access/door.h"
#include "api/http/server.h"
#include "api/rpc/methods.h"
#include "base/unconst.h"

#define RIGHT_WORD "Basic YW5uOnMzY3JldA=="

static struct server_conf servers[] = {
        { .kind = SERVER_UNIX },
        { .kind = SERVER_UNIX, .username = "ann", .password = "s3cret" },
        { .kind = SERVER_INET, .port = { "127.0.0.1", 9001 } },
        { .kind = SERVER_INET,
          .port = { "127.0.0.1", 9001 },
          .username = "ann",
          .password = "s3cret" },
};

static bool has_password(const struct server_conf *s)
{
        return s->password != NULL;
}

static struct door_ask ask_of(const struct server_conf *s, const struct caller *by,
                              const char *word)
{
        return (
            struct door_ask){ .server = s,
                              .caller = by,
                              .authorization = word,
                              .browser = { .method = "POST", .path = "/x", .host = "localhost" } };
}

Test(door, is_open_to_all_for_what_only_says_that_the_daemon_lives)
{
        const struct caller by = { 0 };

        for (size_t i = 0; i < sizeof servers / sizeof *servers; i++) {
                struct door_ask a = ask_of(&servers[i], &by, "Basic ????");
                a.browser.host = "evil.example";
                a.browser.site = "cross-site";
                cr_expect_eq(door_decide(&a, RIGHT_NONE).status, 0);
                cr_expect_eq(door_decide(&a, RIGHT_NONE).granted, RIGHT_NONE);
        }
}

/* Each caller on each server with each password, for each right. */
Test(door, decides_by_caller_server_and_right)
{
        const struct caller callers[] = { { 0 },
                                          { .known = true, .uid = geteuid() + 4711 },
                                          { .known = true, .uid = geteuid() },
                                          { .known = true, .uid = 0 } };
        static const struct {
                const char *given;
                int status; /* where there is a password */
        } words[] = { { NULL, 401 },
                      { "Basic YW5uOnMzY3JlVA==", 401 },
                      { "Basic ????", 400 },
                      { RIGHT_WORD, 0 } };

        for (size_t i = 0; i < 4; i++)
                for (size_t k = 0; k < 4; k++)
                        for (size_t w = 0; w < 4; w++)
                                for (enum right r = RIGHT_READ; r <= RIGHT_OWNER; r++) {
                                        struct door_ask a =
                                            ask_of(&servers[i], &callers[k], words[w].given);
                                        int refused =
                                            has_password(&servers[i]) ? words[w].status : 0;
                                        bool owner = k >= 2;
                                        struct door_answer got = door_decide(&a, r);
                                        if (!refused && r == RIGHT_OWNER && !owner)
                                                refused = 403;
                                        cr_expect_eq(got.status, refused, "%zu %zu %zu %d", i, k, w,
                                                     r);
                                        if (got.status == 0)
                                                cr_expect_eq(got.granted,
                                                             owner ? RIGHT_OWNER : RIGHT_ADMIN);
                                        cr_expect_eq(got.knows_password,
                                                     has_password(&servers[i]) && w == 3);
                                }
}

Test(door, refuses_a_web_page_before_it_asks_for_a_password_and_only_on_tcp)
{
        const struct caller by = { 0 };

        for (size_t i = 0; i < sizeof servers / sizeof *servers; i++)
                for (int with = 0; with < 2; with++) {
                        bool tcp = servers[i].kind == SERVER_INET;
                        struct door_ask a = ask_of(&servers[i], &by, with ? RIGHT_WORD : NULL);
                        a.browser.origin = "http://evil.example";
                        struct door_answer got = door_decide(&a, RIGHT_READ);
                        cr_expect_eq(got.why != NULL, tcp);
                        cr_expect_eq(got.status, tcp                                  ? 403
                                                 : has_password(&servers[i]) && !with ? 401
                                                                                      : 0);
                        cr_expect(got.status == 0 || got.granted == RIGHT_NONE);
                }
}

/* ---- the rows */

static enum right of_route(const char *verb, const char *path)
{
        struct request r = { .target = unconst(path), .path = unconst(path) };

        strcpy(r.method, verb);
        return route_row(&r).right;
}

static enum right of_method(const char *name)
{
        const struct method *m = methods;

        while (m->name && strcmp(m->name + strlen("supervisor."), name) != 0)
                m++;
        cr_assert_not_null(m->name, "%s", name);
        return m->right;
}

Test(door, asks_the_same_right_for_the_same_thing_over_xmlrpc_and_over_v1)
{
        static const struct {
                const char *method, *verb, *path;
        } same[] = { { "getState", "GET", "/v1/info" },
                     { "getAllProcessInfo", "GET", "/v1/processes" },
                     { "getProcessInfo", "GET", "/v1/processes/a:b" },
                     { "startProcess", "POST", "/v1/processes/a/start" },
                     { "startProcessGroup", "POST", "/v1/processes/a:*/start" },
                     { "startAllProcesses", "POST", "/v1/processes/all/start" },
                     { "stopProcess", "POST", "/v1/processes/a/stop" },
                     { "stopProcess", "POST", "/v1/processes/a/restart" },
                     { "signalProcess", "POST", "/v1/processes/a/signal" },
                     { "sendProcessStdin", "POST", "/v1/processes/a/stdin" },
                     { "clearProcessLogs", "POST", "/v1/logs/a/clear" },
                     { "readProcessStdoutLog", "GET", "/v1/logs/a/stdout" },
                     { "tailProcessStderrLog", "GET", "/v1/logs/a/stderr" },
                     { "readProcessStdoutLog", "GET", "/logtail/a" },
                     { "readLog", "GET", "/v1/logs/main" },
                     { "readLog", "GET", "/mainlogtail" },
                     { "getAllConfigInfo", "GET", "/v1/config/processes" },
                     { "reloadConfig", "POST", "/v1/config/reread" },
                     { "reloadConfig", "POST", "/v1/reload" },
                     { "addProcessGroup", "POST", "/v1/groups/a/add" },
                     { "removeProcessGroup", "POST", "/v1/groups/a/remove" },
                     { "shutdown", "POST", "/v1/shutdown" },
                     { "shutdown", "POST", "/v1/upgrade" },
                     { "restart", "POST", "/v1/restart" } };

        for (size_t i = 0; i < sizeof same / sizeof *same; i++)
                cr_expect_eq(of_method(same[i].method), of_route(same[i].verb, same[i].path),
                             "%s %s", same[i].method, same[i].path);
}

Test(door, needs_a_right_for_all_but_health)
{
        static const char *const paths[] = { "/",         "/index.html", "/tail.html",
                                             "/ok.html",  "/RPC2",       "/nowhere",
                                             "/v1/",      "/v1/nowhere", "/v1/healthz",
                                             "/healthz/", "/healthzz",   "/v1/info" };

        cr_expect_eq(of_route("GET", "/healthz"), RIGHT_NONE);
        for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
                cr_expect_eq(of_route("GET", paths[i]), RIGHT_READ, "%s", paths[i]);
        for (const struct method *m = methods; m->name; m++)
                cr_expect_geq(m->right, RIGHT_READ, "%s", m->name);
}
