#include <criterion/criterion.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "api/rest/view.h"
#include "engine/core/startup.h"

static struct supervisor sup;
static struct buf text;
static struct group group;
static struct group_conf conf;
static struct program *program;
static struct process *process;
static const struct moment now = { .mono_ms = 100000, .wall_ms = 1700000100500 };

static void setup(void)
{
        struct err e;

        setenv("TZ", "UTC", 1);
        program = program_new();
        program->name = strdup("web");
        program->startretries = 3;
        program->numprocs = 2;
        program->numprocs_max = -1;
        conf = (struct group_conf){ .name = "site" };
        group = (struct group){ .conf = &conf, .name = "site" };
        process = process_new("web_00", &group, program, 0);
        sup = (struct supervisor){ .daemon_state = DAEMON_RUNNING };
        cr_assert(components_init(&sup, components, &e));
}

static void teardown(void)
{
        components_release(&sup);
        process_free(process);
        program_unref(program);
        buf_release(&text);
}

TestSuite(view, .init = setup, .fini = teardown);

static struct json_writer fresh(void)
{
        buf_reset(&text);
        return JSON_WRITER_INIT(&text);
}

/* What was written since `fresh`. */
static void expect_text(struct json_writer *j, const char *wanted)
{
        cr_expect_not(text.failed);
        cr_expect_str_eq(buf_str(&text), wanted);
        json_writer_release(j);
}

static void expect_process(uint64_t fields, const char *wanted)
{
        struct json_writer j = fresh();

        view_process(&j, &sup, process, now, fields);
        expect_text(&j, wanted);
}

static void expect_field(const char *name, const char *wanted)
{
        uint64_t fields;
        struct buf object = BUF_INIT, wrong = BUF_INIT;

        cr_assert(view_fields(name, &fields, &wrong));
        buf_printf(&object, "{\"%s\":%s}", name, wanted);
        expect_process(fields, buf_str(&object));
        buf_release(&object);
}

static void expect_event(const struct event *e, uint64_t seq, const char *wanted)
{
        struct json_writer j = fresh();

        view_event(&j, e, seq);
        expect_text(&j, wanted);
}

static void expect_program(const struct fleet *f, const char *wanted)
{
        struct json_writer j = fresh();

        view_program(&j, f);
        expect_text(&j, wanted);
}

Test(view, shows_a_process_that_was_never_started)
{
        expect_process(
            VIEW_ALL_FIELDS,
            "{\"name\":\"site:web_00\",\"group\":\"site\",\"process\":\"web_00\",\"program\":"
            "\"web\","
            "\"number\":0,\"state\":\"STOPPED\",\"statecode\":0,\"health\":\"none\",\"ready\":"
            "false,"
            "\"pid\":null,\"description\":\"Not started\",\"started_at\":null,\"stopped_at\":null,"
            "\"uptime_s\":null,\"exit\":null,\"restarts\":0,\"tries\":0,\"next_start_at\":null,"
            "\"next_start_why\":null,\"crashes\":0,\"spawn_error\":null,\"adopted\":false,"
            "\"adopted_logs\":null,\"healthcheck\":null,\"stdout\":null,\"stderr\":null,"
            "\"leftovers\":[],\"log_error\":null}");
}

Test(view, shows_a_running_process_with_its_last_end)
{
        process->state = PS_RUNNING;
        process->pid = 42;
        process->spawned_ms = 34500;
        process->spawned_wall_ms = 1700000035000;
        process->stopped_wall_ms = 1700000030001;
        process->restarts = 1;
        process->crashes = 1;
        process->ending = (struct ending){ .known = true,
                                           .happened = true,
                                           .code = -1,
                                           .sig = SIGKILL,
                                           .at_wall_ms = 1700000030001 };
        expect_process(
            VIEW_ALL_FIELDS,
            "{\"name\":\"site:web_00\",\"group\":\"site\",\"process\":\"web_00\",\"program\":"
            "\"web\","
            "\"number\":0,\"state\":\"RUNNING\",\"statecode\":20,\"health\":\"none\",\"ready\":"
            "true,"
            "\"pid\":42,\"description\":\"pid 42, uptime 0:01:05\","
            "\"started_at\":\"2023-11-14T22:13:55.000Z\",\"stopped_at\":\"2023-11-14T22:13:50."
            "001Z\","
            "\"uptime_s\":65.5,\"exit\":{\"code\":null,\"signal\":\"SIGKILL\",\"core\":false,"
            "\"expected\":false,\"text\":\"terminated by SIGKILL\","
            "\"at\":\"2023-11-14T22:13:50.001Z\"},\"restarts\":1,\"tries\":0,\"next_start_at\":"
            "null,"
            "\"next_start_why\":null,\"crashes\":1,\"spawn_error\":null,\"adopted\":false,"
            "\"adopted_logs\":null,\"healthcheck\":null,\"stdout\":null,\"stderr\":null,"
            "\"leftovers\":[],\"log_error\":null}");
}

Test(view, says_when_and_why_it_starts_again)
{
        process->state = PS_BACKOFF;
        process->tries = 2;
        process_set_spawnerr(process, "Exited too quickly (process log may have details)");
        process->waiting = WAIT_RETRY;
        process->due.due_ms = now.mono_ms + 1500;
        expect_field("next_start_at", "\"2023-11-14T22:15:02.000Z\"");
        expect_field("next_start_why", "\"failed start 2 of 4: Exited too quickly\"");
        expect_field("spawn_error", "\"Exited too quickly (process log may have details)\"");
        expect_field("state", "\"BACKOFF\"");
}

Test(view, says_when_the_exit_status_could_not_be_known)
{
        process->ending = (struct ending){ .happened = true, .code = -1, .at_wall_ms = 1000 };
        expect_field("exit", "{\"code\":null,\"signal\":null,\"core\":false,\"expected\":false,"
                             "\"text\":\"unknown (ended while unsupervised)\","
                             "\"at\":\"1970-01-01T00:00:01.000Z\"}");
}

Test(view, shows_a_health_check_before_its_first_result)
{
        program->healthcheck.kind = CHECK_TCP;
        process->health.status = HEALTH_STARTING;
        expect_field("healthcheck",
                     "{\"status\":\"starting\",\"failures\":0,\"last_at\":null,\"last_ok\":null,"
                     "\"duration_s\":null,\"output\":null}");
        expect_field("health", "\"starting\"");
}

Test(view, shows_a_program)
{
        struct process *procs[] = { process };
        struct fleet f = {
                .group = &group, .program = program, .replicas = 2, .procs = procs, .count = 1
        };

        process->state = PS_RUNNING;
        expect_program(&f,
                       "{\"name\":\"web\",\"group\":\"site\",\"numprocs\":2,\"replicas\":2,"
                       "\"numprocs_min\":0,\"numprocs_max\":null,\"running\":1,\"healthy\":null}");
        program->healthcheck.kind = CHECK_TCP;
        program->numprocs_max = 8;
        expect_program(&f, "{\"name\":\"web\",\"group\":\"site\",\"numprocs\":2,\"replicas\":2,"
                           "\"numprocs_min\":0,\"numprocs_max\":8,\"running\":1,\"healthy\":0}");
}

Test(view, leaves_unchanged_processes_out_of_a_plan)
{
        struct change_item items[] = {
                { .name = "a", .program = "a", .action = PLAN_KEEP, .why = "" },
                { .name = "b", .program = "b", .action = PLAN_RESTART, .why = "command changed" },
        };
        struct plan plan = { .items = items, .count = 2, .generation = 4 };
        struct diags diags = { 0 };
        struct where at = { .file = "x.conf", .line = 7, .section = "program:b", .key = "comand" };

        cr_assert(strlist_add(&items[1].keys, "command"));
        diags_add(&diags, DIAG_WARNING, &at, "command", "unknown key");
        diags_add(&diags, DIAG_INFO, NULL, NULL, "not shown");
        struct json_writer j = fresh();
        view_plan(&j, &plan, false, &diags);
        expect_text(
            &j,
            "{\"applied\":false,\"generation\":4,\"changes\":[{\"name\":\"b\",\"program\":"
            "\"b\",\"action\":\"restart\",\"keys\":[\"command\"],\"why\":\"command "
            "changed\"}],\"settings\":[],\"warnings\":[{\"file\":\"x.conf\",\"line\":7,\"section\":"
            "\"program:b\",\"key\":\"comand\",\"message\":\"unknown key\",\"hint\":"
            "\"command\"}]}");
        j = fresh();
        view_plan(&j, &plan, true, NULL);
        json_t *all = json_loads(buf_str(&text), 0, NULL);
        cr_expect_eq(json_array_size(json_object_get(all, "changes")), 2);
        json_decref(all);
        strlist_release(&items[1].keys);
        diags_release(&diags);
}

Test(view, shows_only_the_fields_that_were_asked_for)
{
        uint64_t fields;
        struct buf wrong = BUF_INIT;

        cr_assert(view_fields("state,name,number", &fields, &wrong));
        expect_process(fields, "{\"name\":\"site:web_00\",\"number\":0,\"state\":\"STOPPED\"}");
        cr_assert(view_fields("", &fields, &wrong));
        cr_expect_eq(fields, VIEW_ALL_FIELDS);
        cr_expect_not(view_fields("name,stat,pid", &fields, &wrong));
        cr_expect_str_eq(buf_str(&wrong), "stat");
        buf_release(&wrong);
}

Test(view, writes_times_as_rfc_3339)
{
        static const struct {
                int64_t ms;
                const char *shown;
        } cases[] = { { 0, "null" },
                      { -5, "null" },
                      { 1, "\"1970-01-01T00:00:00.001Z\"" },
                      { 951827696789, "\"2000-02-29T12:34:56.789Z\"" },
                      { 253402300799999, "\"9999-12-31T23:59:59.999Z\"" },
                      { 253402300800000, "null" } };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct json_writer j = fresh();
                view_time(&j, cases[i].ms);
                expect_text(&j, cases[i].shown);
        }
}

Test(view, shows_state_changes_as_events)
{
        struct event e = { .type = EV_PROCESS_STATE_EXITED,
                           .at = { 0, 1000 },
                           .process = process,
                           .from = PS_RUNNING,
                           .to = PS_RESPAWN,
                           .pid = 7,
                           .expected = false };

        process->ending =
            (struct ending){ .known = true, .happened = true, .code = 3, .at_wall_ms = 1000 };
        expect_event(&e, 5,
                     "{\"seq\":5,\"at\":\"1970-01-01T00:00:01.000Z\",\"type\":\"process.state\","
                     "\"name\":\"site:web_00\",\"from\":\"RUNNING\",\"to\":\"EXITED\",\"pid\":7,"
                     "\"exit\":{\"code\":3,\"signal\":null,\"core\":false,\"expected\":false,"
                     "\"text\":\"exit status 3\",\"at\":\"1970-01-01T00:00:01.000Z\"},"
                     "\"tries\":null,\"expected\":false}");
        cr_expect_str_eq(view_event_type(&e), "process.state");
        e = (struct event){ .type = EV_PROCESS_STATE_STARTING,
                            .process = process,
                            .from = PS_STOPPED,
                            .to = PS_STARTING,
                            .tries = 0 };
        process->spawned_wall_ms = 2000;
        expect_event(&e, 6,
                     "{\"seq\":6,\"at\":null,\"type\":\"process.state\",\"name\":\"site:web_00\","
                     "\"from\":\"STOPPED\",\"to\":\"STARTING\",\"pid\":null,\"exit\":null,"
                     "\"tries\":0,\"expected\":null}");
}

Test(view, shows_the_other_events)
{
        struct event health = { .type = EV_HEALTH,
                                .process = process,
                                .was = HEALTH_HEALTHY,
                                .now = HEALTH_UNHEALTHY,
                                .failures = 3,
                                .data = "no",
                                .len = 2 };
        struct event log = { .type = EV_LOG_ERROR,
                             .process = process,
                             .is_stderr = true,
                             .data = "disk full",
                             .len = 9 };
        struct plan plan = { .applied = true, .generation = 2 };
        struct event applied = { .type = EV_CONFIG_APPLIED, .plan = &plan };
        struct event ours[] = { { .type = EV_TICK_5 }, { .type = EV_PROCESS_GROUP_ADDED } };

        expect_event(&health, 1,
                     "{\"seq\":1,\"at\":null,\"type\":\"process.health\",\"name\":\"site:web_00\","
                     "\"from\":\"healthy\",\"to\":\"unhealthy\",\"failures\":3,\"output\":\"no\"}");
        expect_event(&log, 2,
                     "{\"seq\":2,\"at\":null,\"type\":\"log.error\",\"name\":\"site:web_00\","
                     "\"stream\":\"stderr\",\"bytes\":null,\"detail\":\"disk full\"}");
        expect_event(&applied, 3,
                     "{\"seq\":3,\"at\":null,\"type\":\"config.applied\",\"applied\":true,"
                     "\"generation\":2,\"changes\":[],\"settings\":[],\"warnings\":[]}");
        for (int i = 0; i < 2; i++)
                cr_expect_null(view_event_type(&ours[i]));
}

Test(view, shows_the_daemon)
{
        startup_of(&sup)->started = (struct moment){ 40000, 1700000040500 };
        struct json_writer j = fresh();
        view_info(&j, &sup, now);
        cr_expect(strstr(buf_str(&text), "\"identifier\":null,\"pid\":"));
        const char *rest = strstr(buf_str(&text), "\"state\"");
        cr_assert_not_null(rest);
        cr_expect_str_eq(rest,
                         "\"state\":\"RUNNING\","
                         "\"started_at\":\"2023-11-14T22:14:00.500Z\",\"uptime_s\":60.0,"
                         "\"config\":null,\"config_generation\":1,\"statedir\":null,"
                         "\"statedir_error\":null,\"counts\":{"
                         "\"STOPPED\":0,\"STARTING\":0,\"RUNNING\":0,\"BACKOFF\":0,\"STOPPING\":0,"
                         "\"EXITED\":0,\"FATAL\":0,\"UNKNOWN\":0},\"log_errors\":[],"
                         "\"logs_error\":null}");
        json_writer_release(&j);
}
