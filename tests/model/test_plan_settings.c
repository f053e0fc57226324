/* What a new configuration means for the daemon itself and its servers. */
#include "loaded.h"
#include "model/fleet/plan.h"

static struct config *before;
static struct strlist started;
static struct plan plan;

static void teardown(void)
{
        plan_release(&plan);
        strlist_release(&started);
        config_free(before);
        fini();
}

TestSuite(plan_settings, .init = init, .fini = teardown);

static void run(const char *text)
{
        good(text);
        before = conf;
        conf = NULL;
        strlist_release(&started);
        cr_assert(settings_note(&before->settings, &started));
}

/* One line for each: "live [supervisord] loglevel: info -> debug". */
static const char *planned(const char *text)
{
        static char lines[2000];
        struct buf b = BUF_INIT;
        struct err e = { 0 };

        good(text);
        plan_release(&plan);
        cr_assert(plan_settings(&plan, before, &started, conf, &e), "%s", e.text);
        for (int i = 0; i < plan.setting_count; i++) {
                const struct setting_item *s = &plan.settings[i];
                buf_printf(&b, "%s [%s] %s: %s -> %s\n", setting_action_word(s->action), s->section,
                           s->key ? s->key : "-", s->from ? s->from : "-", s->to ? s->to : "-");
        }
        snprintf(lines, sizeof lines, "%s", buf_str(&b));
        buf_release(&b);
        return lines;
}

Test(plan_settings, says_nothing_when_nothing_changes)
{
        run("loglevel=debug\n[unix_http_server]\nfile=/tmp/s\n");
        cr_expect_str_eq(planned("loglevel=debug\n[unix_http_server]\nfile=/tmp/s\n"), "");
}

Test(plan_settings, tells_what_is_taken_from_what_waits_for_another_start)
{
        run("loglevel=info\n");
        cr_expect_str_eq(planned("loglevel=debug\nminfds=2048\n"),
                         "live [supervisord] loglevel: info -> debug\n"
                         "later [supervisord] minfds: 1024 -> 2048\n");
}

Test(plan_settings, goes_on_saying_what_waits_until_it_is_taken_back)
{
        run("");
        planned("minprocs=100\n");
        config_free(before);
        before = conf; /* applied: it is in effect but for what waits */
        conf = NULL;
        cr_expect_str_eq(planned("minprocs=100\n"), "later [supervisord] minprocs: 200 -> 100\n");
        cr_expect_str_eq(planned(""), "");
}

Test(plan_settings, shows_servers_that_come_go_and_change)
{
        run("[unix_http_server]\nfile=/tmp/s\n[inet_http_server:a]\nport=127.0.0.1:1\n");
        cr_expect_str_eq(planned("[unix_http_server]\nfile=/tmp/t\nchmod=0770\n"
                                 "[inet_http_server:b]\nport=127.0.0.1:2\n"),
                         "close [inet_http_server:a] -: 127.0.0.1:1 -> -\n"
                         "live [unix_http_server] file: /tmp/s -> /tmp/t\n"
                         "live [unix_http_server] chmod: 0700 -> 0770\n"
                         "open [inet_http_server:b] -: - -> 127.0.0.1:2\n");
}

Test(plan_settings, shows_that_a_password_changes_and_not_to_what)
{
        run("[unix_http_server]\nfile=/tmp/s\nusername=u\npassword=old\n");
        cr_expect_str_eq(planned("[unix_http_server]\nfile=/tmp/s\nusername=u\npassword=new\n"),
                         "live [unix_http_server] password: ... -> ...\n");
}

Test(plan_settings, shows_that_variables_change_and_not_to_what)
{
        run("environment=TOKEN=\"old\"\n[unix_http_server]\nfile=/tmp/s\n");
        cr_expect_str_eq(planned("environment=TOKEN=\"new\"\n"
                                 "[unix_http_server]\nfile=/tmp/s\nusername=u\npassword=new\n"),
                         "live [supervisord] environment: ... -> ...\n"
                         "live [unix_http_server] username: - -> u\n"
                         "live [unix_http_server] password: - -> ...\n");
        cr_expect_str_eq(planned("[unix_http_server]\nfile=/tmp/s\n"),
                         "live [supervisord] environment: ... -> -\n");
}
