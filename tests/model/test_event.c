#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "model/unit/event.h"
#include "subject.h"

static struct group group = { .name = (char *)"fleet" };
static struct program web;
static struct process *p;
static struct buf out;

static void setup(void)
{
        web = subject_program();
        p = process_new("web_00", &group, &web, 0);
        cr_assert(p);
}

static void teardown(void)
{
        buf_release(&out);
        process_free(p);
}

TestSuite(event, .init = setup, .fini = teardown);

static const char *payload(struct event e)
{
        if (!e.process)
                e.process = p;
        buf_reset(&out);
        event_payload(&e, &out);
        cr_assert_not(out.failed);
        return buf_str(&out);
}

static const char *log_of(const char *data, size_t len)
{
        return payload(
            (struct event){ .type = EV_PROCESS_LOG_STDOUT, .pid = 7, .data = data, .len = len });
}

#define LOG_HEAD "processname:web_00 groupname:fleet pid:7 channel:stdout\n"

static const char *const names[] = {
        "EVENT",
        "PROCESS_STATE",
        "PROCESS_STATE_STARTING",
        "PROCESS_STATE_RUNNING",
        "PROCESS_STATE_BACKOFF",
        "PROCESS_STATE_STOPPING",
        "PROCESS_STATE_EXITED",
        "PROCESS_STATE_STOPPED",
        "PROCESS_STATE_FATAL",
        "PROCESS_STATE_UNKNOWN",
        "PROCESS_LOG",
        "PROCESS_LOG_STDOUT",
        "PROCESS_LOG_STDERR",
        "PROCESS_COMMUNICATION",
        "PROCESS_COMMUNICATION_STDOUT",
        "PROCESS_COMMUNICATION_STDERR",
        "REMOTE_COMMUNICATION",
        "SUPERVISOR_STATE_CHANGE",
        "SUPERVISOR_STATE_CHANGE_RUNNING",
        "SUPERVISOR_STATE_CHANGE_STOPPING",
        "TICK",
        "TICK_5",
        "TICK_60",
        "TICK_3600",
        "PROCESS_GROUP",
        "PROCESS_GROUP_ADDED",
        "PROCESS_GROUP_REMOVED",
};
#define NAMED ((int)(sizeof names / sizeof *names))

Test(event, has_supervisors_names_and_none_for_ours)
{
        for (int t = 0; t < EV_TYPE_COUNT; t++) {
                const char *name = event_name((enum event_type)t);
                if (t >= NAMED)
                        cr_expect_null(name);
                else
                        cr_expect_str_eq(name, names[t]);
        }
}

Test(event, is_found_by_name_in_any_case)
{
        for (int t = 0; t < NAMED; t++)
                cr_expect_eq(event_parse(names[t]), (enum event_type)t);
        cr_expect_eq(event_parse("tick_60"), EV_TICK_60);
        cr_expect_eq(event_parse("Process_State"), EV_PROCESS_STATE);
        cr_expect_eq(event_parse("TICK_7"), EV_TYPE_COUNT);
        cr_expect_eq(event_parse(""), EV_TYPE_COUNT);
}

/* Below a parent are exactly the names that go on from its name. */
Test(event, is_below_what_its_name_begins_with_and_below_EVENT)
{
        for (int t = 0; t < NAMED; t++)
                for (int a = 0; a < NAMED; a++) {
                        size_t n = strlen(names[a]);
                        bool below = strncmp(names[t], names[a], n) == 0 &&
                                     (names[t][n] == '\0' || names[t][n] == '_');
                        cr_expect_eq(event_is_a((enum event_type)t, (enum event_type)a),
                                     a == EV_EVENT || below, "%s below %s", names[t], names[a]);
                }
}

Test(event, of_ours_is_below_nothing_that_a_listener_can_subscribe_to)
{
        for (int t = NAMED; t < EV_TYPE_COUNT; t++) {
                for (int a = 0; a < NAMED; a++)
                        cr_expect_not(event_is_a((enum event_type)t, (enum event_type)a));
                cr_expect(event_is_a((enum event_type)t, (enum event_type)t));
        }
}

Test(event, belongs_to_the_state_that_is_shown)
{
        for (int s = PS_NONE + 1; s < PS_COUNT; s++) {
                char want[64];
                snprintf(want, sizeof want, "PROCESS_STATE_%s", pstate_name((enum pstate)s));
                cr_expect_str_eq(event_name(event_of_state((enum pstate)s)), want);
        }
        cr_expect_eq(event_of_state(PS_NONE), EV_TYPE_COUNT);
}

/* ---- payloads */

#define STATE_HEAD "processname:web_00 groupname:fleet from_state:"

Test(event, tells_the_tries_when_starting_and_backing_off)
{
        cr_expect_str_eq(payload((struct event){
                             .type = EV_PROCESS_STATE_STARTING, .from = PS_STOPPED, .tries = 0 }),
                         STATE_HEAD "STOPPED tries:0");
        cr_expect_str_eq(payload((struct event){
                             .type = EV_PROCESS_STATE_BACKOFF, .from = PS_STARTING, .tries = 2 }),
                         STATE_HEAD "STARTING tries:2");
}

Test(event, tells_the_pid_when_running_and_stopping)
{
        static const enum event_type types[] = { EV_PROCESS_STATE_RUNNING,
                                                 EV_PROCESS_STATE_STOPPING,
                                                 EV_PROCESS_STATE_STOPPED };

        for (size_t i = 0; i < 3; i++)
                cr_expect_str_eq(
                    payload((struct event){ .type = types[i], .from = PS_STARTING, .pid = 2766 }),
                    STATE_HEAD "STARTING pid:2766");
}

Test(event, tells_whether_an_exit_was_expected)
{
        struct event e = {
                .type = EV_PROCESS_STATE_EXITED, .from = PS_RUNNING, .expected = true, .pid = 2766
        };

        cr_expect_str_eq(payload(e), STATE_HEAD "RUNNING expected:1 pid:2766");
        e.expected = false;
        cr_expect_str_eq(payload(e), STATE_HEAD "RUNNING expected:0 pid:2766");
}

Test(event, tells_no_more_than_the_state_when_fatal_or_unknown)
{
        cr_expect_str_eq(
            payload((struct event){ .type = EV_PROCESS_STATE_FATAL, .from = PS_BACKOFF }),
            STATE_HEAD "BACKOFF");
        cr_expect_str_eq(
            payload((struct event){ .type = EV_PROCESS_STATE_UNKNOWN, .from = PS_STOPPING }),
            STATE_HEAD "STOPPING");
}

Test(event, shows_inner_states_as_supervisors)
{
        cr_expect_str_eq(payload((struct event){
                             .type = EV_PROCESS_STATE_STARTING, .from = PS_RESPAWN, .tries = 0 }),
                         STATE_HEAD "EXITED tries:0");
        cr_expect_str_eq(payload((struct event){
                             .type = EV_PROCESS_STATE_STOPPED, .from = PS_RESTARTING, .pid = 3 }),
                         STATE_HEAD "STOPPING pid:3");
}

Test(event, carries_log_data_with_its_channel)
{
        cr_expect_str_eq(log_of("hello\n", 6), LOG_HEAD "hello\n");
        cr_expect_str_eq(payload((struct event){ .type = EV_PROCESS_LOG_STDERR,
                                                 .pid = 7,
                                                 .is_stderr = true,
                                                 .data = "x",
                                                 .len = 1 }),
                         "processname:web_00 groupname:fleet pid:7 channel:stderr\nx");
        cr_expect_str_eq(log_of(NULL, 0), LOG_HEAD);
}

Test(event, carries_communication_data)
{
        cr_expect_str_eq(
            payload((struct event){
                .type = EV_PROCESS_COMMUNICATION_STDOUT, .pid = 7, .data = "a\nb", .len = 3 }),
            "processname:web_00 groupname:fleet pid:7\na\nb");
        cr_expect_str_eq(
            payload((struct event){
                .type = EV_REMOTE_COMMUNICATION, .name = "deploy", .data = "v2", .len = 2 }),
            "type:deploy\nv2");
}

Test(event, of_ticks_groups_and_the_supervisor_has_its_own_form)
{
        cr_expect_str_eq(payload((struct event){ .type = EV_TICK_5, .when_s = 1201063880 }),
                         "when:1201063880");
        cr_expect_str_eq(payload((struct event){ .type = EV_PROCESS_GROUP_ADDED, .name = "fleet" }),
                         "groupname:fleet\n");
        cr_expect_str_eq(payload((struct event){ .type = EV_SUPERVISOR_STATE_CHANGE_RUNNING }), "");
        cr_expect_str_eq(payload((struct event){ .type = EV_HEALTH }), "");
}

/* ---- data that is no text */

static void expect_text(const char *data, size_t len)
{
        const char *got = log_of(data, len);

        cr_expect_eq(out.len, sizeof LOG_HEAD - 1 + len);
        cr_expect_eq(memcmp(got + sizeof LOG_HEAD - 1, data, len), 0);
}

static void expect_repr(const char *data, size_t len, const char *want)
{
        const char *got = log_of(data, len);

        cr_expect_str_eq(got + sizeof LOG_HEAD - 1, want);
}

#define TEXT(s)    expect_text((s), sizeof(s) - 1)
#define REPR(s, w) expect_repr((s), sizeof(s) - 1, "Undecodable: " w)

Test(event, passes_utf8_as_it_is)
{
        TEXT("h\xc3\xa9llo\n");
        TEXT("\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf");
        TEXT("\xf0\x90\x80\x80\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf");
        TEXT("nul \0 and escape \x1b[0m");
}

Test(event, writes_other_bytes_as_python_does)
{
        REPR("\xff\xfe", "b'\\xff\\xfe'");
        REPR("a\\b\t\n\r\x01\x7f\x80", "b'a\\\\b\\t\\n\\r\\x01\\x7f\\x80'");
        REPR("it's \xff", "b\"it's \\xff\"");
        REPR("\"it's\" \xff", "b'\"it\\'s\" \\xff'");
        REPR("say \"x\" \xff", "b'say \"x\" \\xff'");
        REPR("h\xc3\xa9\xff", "b'h\\xc3\\xa9\\xff'");
}

Test(event, takes_no_malformed_utf8_for_text)
{
        REPR("\xc3", "b'\\xc3'");                            /* cut short */
        REPR("\xe2\x82", "b'\\xe2\\x82'");                   /* cut short */
        REPR("\xf0\x9f\x98", "b'\\xf0\\x9f\\x98'");          /* cut short */
        REPR("\x80", "b'\\x80'");                            /* no lead */
        REPR("\xc0\x80", "b'\\xc0\\x80'");                   /* overlong */
        REPR("\xc1\xbf", "b'\\xc1\\xbf'");                   /* overlong */
        REPR("\xe0\x9f\xbf", "b'\\xe0\\x9f\\xbf'");          /* overlong */
        REPR("\xf0\x8f\xbf\xbf", "b'\\xf0\\x8f\\xbf\\xbf'"); /* overlong */
        REPR("\xed\xa0\x80", "b'\\xed\\xa0\\x80'");          /* surrogate */
        REPR("\xf4\x90\x80\x80", "b'\\xf4\\x90\\x80\\x80'"); /* too high */
        REPR("\xe2\x28\xa1", "b'\\xe2(\\xa1'");              /* bad second */
        REPR("\xe2\x82\x28", "b'\\xe2\\x82('");              /* bad third */
        REPR("\xf5\x80\x80\x80", "b'\\xf5\\x80\\x80\\x80'");
}
