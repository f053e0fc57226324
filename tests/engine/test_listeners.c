#include "engine/events/listeners.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/unconst.h"
#include "engine/core/bus.h"
#include "engine/persist/state.h"
#include "engine/run/stdin_pipe.h"

/* A pool of up to three listeners, and a supervisor that does nothing but publish. */
struct member {
        struct process *process;
        int stdin_end; /* where it would read */
};

struct pool_rig {
        struct group group;
        struct group_conf conf;
        struct fleet fleet;
        struct program *program;
        struct process *procs[3];
        struct member members[3];
};

static struct supervisor sup;
static struct config config;
static struct buf lines; /* of the main log */
static struct log capture;
static struct program *web_program;
static struct group web_group;
static struct process *web;

static void keep_line(struct log *l, enum log_level level, const char *text, size_t len)
{
        (void)l;
        buf_printf(&lines, "%s %.*s\n", log_level_tag(level), (int)len, text);
}

static struct program *make_program(enum program_kind kind, const char *name)
{
        struct program *p = program_new();

        cr_assert(p);
        p->kind = kind;
        p->name = strdup(name);
        p->buffer_size = 10;
        return p;
}

static void setup(void)
{
        struct err e;

        signal(SIGPIPE, SIG_IGN);
        capture = (struct log){ .level = LVL_DEBUG, .write = keep_line };
        config.settings.identifier = (char *)"supervisor";
        sup.loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
        sup.log = &capture;
        sup.config = &config;
        cr_assert(components_init(&sup, components, &e));
        sup.daemon_state = DAEMON_RUNNING;
        web_program = make_program(KIND_PROGRAM, "web");
        web_group.name = (char *)"web";
        web = process_new("web", &web_group, web_program, 0);
        cr_assert(web);
}

static void teardown(void)
{
        components_release(&sup);
        cr_expect_null(sup.bus.first, "a subscription is left");
        process_free(web);
        program_unref(web_program);
        buf_release(&lines);
        ev_loop_destroy(sup.loop);
}

TestSuite(listeners, .init = setup, .fini = teardown, .timeout = 20);

static void spawn(struct member *m)
{
        int fds[2];
        struct worker *w = worker_of(&sup, m->process);

        cr_assert(w);
        cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
        fcntl(fds[0], F_SETFL, O_NONBLOCK);
        fcntl(fds[1], F_SETFL, O_NONBLOCK);
        if (m->stdin_end >= 0)
                close(m->stdin_end);
        m->stdin_end = fds[0];
        stdin_pipe_open(&w->in, w, true, fds[1], NULL);
        m->process->state = PS_RUNNING;
        listener_spawned(&sup, m->process);
}

static void pool_init(struct pool_rig *r, const char *name, const char *events, int count)
{
        static const char *const names[] = { "a", "b", "c" };

        memset(r, 0, sizeof *r);
        r->program = make_program(KIND_LISTENER, name);
        for (char *text = strdup(events), *at = text, *word; at || (free(text), 0);)
                if ((word = strsep(&at, ",")))
                        strlist_add(&r->program->events, word);
        r->conf = (struct group_conf){ .refs = 1,
                                       .name = unconst(name),
                                       .kind = KIND_LISTENER,
                                       .programs = &r->program,
                                       .program_count = 1 };
        r->fleet = (struct fleet){ .group = &r->group,
                                   .program = r->program,
                                   .replicas = count,
                                   .procs = r->procs,
                                   .count = count };
        r->group = (struct group){ .conf = &r->conf,
                                   .name = unconst(name),
                                   .fleets = &r->fleet,
                                   .fleet_count = 1,
                                   .procs = r->procs,
                                   .count = count };
        cr_assert(listeners_add_group(&sup, &r->group));
        for (int i = 0; i < count; i++) {
                r->procs[i] = process_new(names[i], &r->group, r->program, i);
                r->members[i] = (struct member){ r->procs[i], -1 };
                spawn(&r->members[i]);
        }
}

static void member_free(struct member *m)
{
        components_process_gone(&sup, m->process);
        process_free(m->process);
        if (m->stdin_end >= 0)
                close(m->stdin_end);
}

static void pool_release(struct pool_rig *r)
{
        for (int i = 0; i < r->fleet.count; i++)
                member_free(&r->members[i]);
        listeners_remove_group(&sup, &r->group);
        program_unref(r->program);
}

static void publish(enum event_type type, const char *data)
{
        struct event e = { .type = type,
                           .at = { 1000000, 0 },
                           .process = web,
                           .from = PS_STOPPED,
                           .to = PS_STARTING,
                           .name = "kind",
                           .data = data,
                           .len = data ? strlen(data) : 0 };

        bus_publish(&sup.bus, &e);
}

static void remote(const char *data)
{
        publish(EV_REMOTE_COMMUNICATION, data);
}

static void says(struct member *m, const char *text)
{
        for (size_t left = strlen(text); left > 0;) {
                size_t n = listener_output(&sup, m->process, text, left);
                text += n;
                left -= n;
        }
}

static const char *hears(struct member *m)
{
        static char text[8192];
        ssize_t n = read(m->stdin_end, text, sizeof text - 1);

        text[n > 0 ? n : 0] = '\0';
        return text;
}

static void hears_nothing(struct member *m)
{
        cr_expect_str_eq(hears(m), "");
}

static void logged(const char *line)
{
        cr_expect(strstr(buf_str(&lines), line), "'%s' is not in:\n%s", line, buf_str(&lines));
}

Test(listeners, get_header_and_payload_once_they_are_ready)
{
        struct pool_rig r;

        pool_init(&r, "pool", "REMOTE_COMMUNICATION", 1);
        remote("hello");
        hears_nothing(&r.members[0]);
        says(&r.members[0], "READY\n");
        cr_expect_str_eq(hears(&r.members[0]),
                         "ver:3.0 server:supervisor serial:0 pool:pool poolserial:0 "
                         "eventname:REMOTE_COMMUNICATION len:15\ntype:kind\nhello");
        logged("DEBG a: ACKNOWLEDGED -> READY\n");
        logged("DEBG a: READY -> BUSY\n");
        logged("DEBG event 0 sent to listener a\n");
        says(&r.members[0], "RESULT 2\nOK");
        logged("DEBG a: BUSY -> ACKNOWLEDGED\n");
        logged("DEBG a: event was processed\n");
        pool_release(&r);
}

Test(listeners, count_characters_not_bytes)
{
        struct pool_rig r;

        pool_init(&r, "pool", "REMOTE_COMMUNICATION", 1);
        says(&r.members[0], "READY\n");
        remote("h\xc3\xa9llo");
        cr_expect(strstr(hears(&r.members[0]), " len:15\ntype:kind\nh\xc3\xa9llo"));
        pool_release(&r);
}

Test(listeners, get_one_event_at_a_time)
{
        struct pool_rig r;

        pool_init(&r, "pool", "REMOTE_COMMUNICATION", 1);
        says(&r.members[0], "READY\n");
        remote("one");
        remote("two");
        cr_expect(strstr(hears(&r.members[0]), "\none"));
        says(&r.members[0], "RESULT 2\nOK");
        hears_nothing(&r.members[0]);
        says(&r.members[0], "READY\n");
        cr_expect(strstr(hears(&r.members[0]), "poolserial:1"));
        pool_release(&r);
}

Test(listeners, are_tried_in_order_of_definition)
{
        struct pool_rig r;

        pool_init(&r, "pool", "REMOTE_COMMUNICATION", 3);
        says(&r.members[2], "READY\n");
        says(&r.members[1], "READY\n");
        remote("one");
        remote("two");
        remote("three");
        cr_expect(strstr(hears(&r.members[1]), "\none"));
        cr_expect(strstr(hears(&r.members[2]), "\ntwo"));
        says(&r.members[0], "READY\n");
        cr_expect(strstr(hears(&r.members[0]), "\nthree"));
        pool_release(&r);
}

Test(listeners, get_nothing_before_they_are_running)
{
        struct pool_rig r;
        struct process *p;

        pool_init(&r, "pool", "REMOTE_COMMUNICATION", 1);
        p = r.procs[0];
        p->state = PS_STARTING;
        says(&r.members[0], "READY\n");
        remote("early");
        hears_nothing(&r.members[0]);
        p->state = PS_RUNNING;
        bus_publish(&sup.bus, &(struct event){ .type = EV_PROCESS_STATE_RUNNING, .process = p });
        cr_expect(strstr(hears(&r.members[0]), "\nearly"));
        pool_release(&r);
}

Test(listeners, get_a_rejected_event_again_with_the_same_serials)
{
        struct pool_rig r;
        char first[512];

        pool_init(&r, "pool", "REMOTE_COMMUNICATION", 1);
        remote("unseen");
        says(&r.members[0], "READY\n");
        strcpy(first, hears(&r.members[0]));
        remote("next");
        says(&r.members[0], "RESULT 4\nFAILREADY\n");
        cr_expect_str_eq(hears(&r.members[0]), first);
        logged("WARN a: event was rejected\n");
        logged("DEBG rebuffering event 0 for pool pool (buf size=2, max=10)\n");
        says(&r.members[0], "RESULT 2\nOKREADY\n");
        cr_expect(strstr(hears(&r.members[0]), "\nnext"));
        pool_release(&r);
}

static size_t count_lines(const char *needle)
{
        size_t n = 0;

        for (const char *at = buf_str(&lines); (at = strstr(at, needle)); at++)
                n++;
        return n;
}

static void on_time(EV_P_ ev_timer *w, int revents)
{
        (void)w, (void)revents;
        ev_break(loop, EVBREAK_ALL);
}

/* The loop turns for so long, or until nothing is waited for any more. */
static void turn_for(double seconds)
{
        ev_timer bound;

        ev_now_update(sup.loop);
        ev_timer_init(&bound, on_time, seconds, 0.);
        ev_timer_start(sup.loop, &bound);
        ev_run(sup.loop, 0);
        ev_timer_stop(sup.loop, &bound);
}

/* Until something comes, which takes at least so many milliseconds. */
static void hears_after(struct member *m, int64_t least_ms)
{
        int64_t began = clock_mono_ms();

        hears_nothing(m);
        while (!*hears(m) && clock_mono_ms() - began < 10000)
                turn_for(0.01);
        int64_t took = clock_mono_ms() - began;
        cr_expect(took >= least_ms - 20 && took < 10000, "%d ms", (int)took);
}

Test(listeners, that_refuse_everything_are_given_a_pause)
{
        struct pool_rig r;

        pool_init(&r, "pool", "REMOTE_COMMUNICATION", 1);
        says(&r.members[0], "READY\n");
        remote("one");
        cr_expect(strstr(hears(&r.members[0]), "\none"));
        says(&r.members[0], "RESULT 4\nFAILREADY\n");
        cr_expect(strstr(hears(&r.members[0]), "\none"), "at once");
        says(&r.members[0], "RESULT 4\nFAILREADY\n");
        hears_after(&r.members[0], 500);
        says(&r.members[0], "RESULT 4\nFAILREADY\n");
        hears_after(&r.members[0], 1000);
        cr_expect_eq(count_lines("event was rejected"), 1);
        says(&r.members[0], "RESULT 2\nOKREADY\n");
        remote("two");
        cr_expect(strstr(hears(&r.members[0]), "\ntwo"));
        says(&r.members[0], "RESULT 4\nFAILREADY\n");
        cr_expect(strstr(hears(&r.members[0]), "\ntwo"), "it had accepted one meanwhile");
        pool_release(&r);
}

Test(listeners, that_refuse_do_not_hold_up_the_others_of_their_pool)
{
        struct pool_rig r;

        pool_init(&r, "pool", "REMOTE_COMMUNICATION", 2);
        says(&r.members[0], "READY\n");
        says(&r.members[1], "READY\n");
        for (int i = 0; i < 20; i++) {
                remote("x");
                if (*hears(&r.members[0]))
                        says(&r.members[0], "RESULT 4\nFAILREADY\n");
                if (*hears(&r.members[0]))
                        says(&r.members[0], "RESULT 4\nFAILREADY\n");
                cr_expect(strstr(hears(&r.members[1]), "\nx"));
                says(&r.members[1], "RESULT 2\nOKREADY\n");
                hears_nothing(&r.members[1]);
        }
        cr_expect_eq(count_lines("event was rejected"), 1);
        pool_release(&r);
}

Test(listeners, whose_handler_cannot_be_called_accept_by_any_answer)
{
        struct pool_rig r;

        pool_init(&r, "pool", "REMOTE_COMMUNICATION", 1);
        r.program->result_handler = strdup("my.module:handler");
        says(&r.members[0], "READY\n");
        remote("one");
        remote("two");
        cr_expect(strstr(hears(&r.members[0]), "\none"));
        says(&r.members[0], "RESULT 4\nFAILREADY\n");
        cr_expect(strstr(hears(&r.members[0]), "\ntwo"));
        says(&r.members[0], "RESULT 0\nREADY\n");
        hears_nothing(&r.members[0]);
        cr_expect_eq(count_lines("event was rejected"), 0);
        remote("three");
        cr_expect(strstr(hears(&r.members[0]), "\nthree"));
        says(&r.members[0], "nonsense\n");
        logged("WARN a: bad result line: 'nonsense'\n");
        pool_release(&r);
}

Test(listeners, pass_a_rejected_event_to_the_next_ready_one)
{
        struct pool_rig r;

        pool_init(&r, "pool", "REMOTE_COMMUNICATION", 2);
        says(&r.members[0], "READY\n");
        remote("one");
        hears(&r.members[0]);
        says(&r.members[1], "READY\n");
        says(&r.members[0], "RESULT 4\nFAIL");
        cr_expect(strstr(hears(&r.members[1]), "\none"));
        pool_release(&r);
}

Test(listeners, leave_their_event_to_others_when_they_die)
{
        struct pool_rig r;

        pool_init(&r, "pool", "REMOTE_COMMUNICATION", 2);
        says(&r.members[0], "READY\n");
        says(&r.members[1], "READY\n");
        remote("one");
        remote("two");
        remote("three");
        hears(&r.members[0]);
        hears(&r.members[1]);
        r.procs[0]->state = PS_EXITED;
        listener_ended(&sup, r.procs[0]);
        says(&r.members[1], "RESULT 2\nOKREADY\n");
        cr_expect(strstr(hears(&r.members[1]), "\none"), "not at the head");
        says(&r.members[1], "RESULT 2\nOKREADY\n");
        cr_expect(strstr(hears(&r.members[1]), "\nthree"));
        pool_release(&r);
}

Test(listeners, begin_anew_when_they_are_spawned_again)
{
        struct pool_rig r;

        pool_init(&r, "pool", "REMOTE_COMMUNICATION", 1);
        says(&r.members[0], "rubbish");
        listener_ended(&sup, r.procs[0]);
        spawn(&r.members[0]);
        remote("one");
        says(&r.members[0], "READY\n");
        cr_expect(strstr(hears(&r.members[0]), "\none"));
        pool_release(&r);
}

Test(listeners, get_nothing_more_after_talking_nonsense)
{
        struct pool_rig r;

        pool_init(&r, "pool", "REMOTE_COMMUNICATION", 1);
        says(&r.members[0], "READY\n");
        remote("one");
        hears(&r.members[0]);
        says(&r.members[0], "WHAT IS THIS\nRESULT 2\nOKREADY\n");
        logged("WARN a: bad result line: 'WHAT IS THIS'\n");
        logged("DEBG a: BUSY -> UNKNOWN\n");
        logged("WARN a: has entered the UNKNOWN state and will no longer receive events, this "
               "usually indicates the process violated the eventlistener protocol\n");
        hears_nothing(&r.members[0]);
        spawn(&r.members[0]);
        says(&r.members[0], "READY\n");
        cr_expect(strstr(hears(&r.members[0]), "\none"), "the event was lost");
        pool_release(&r);
}

Test(listeners, with_a_closed_stdin_are_passed_over)
{
        struct pool_rig r;

        pool_init(&r, "pool", "REMOTE_COMMUNICATION", 2);
        close(r.members[0].stdin_end);
        r.members[0].stdin_end = -1;
        says(&r.members[0], "READY\n");
        says(&r.members[1], "READY\n");
        remote("one");
        cr_expect(strstr(hears(&r.members[1]), "\none"));
        remote("two");
        says(&r.members[1], "RESULT 2\nOKREADY\n");
        cr_expect(strstr(hears(&r.members[1]), "\ntwo"));
        pool_release(&r);
}

Test(listeners, share_serials_and_count_their_own)
{
        struct pool_rig r, q;

        pool_init(&r, "one", "REMOTE_COMMUNICATION", 1);
        pool_init(&q, "two", "REMOTE_COMMUNICATION,PROCESS_GROUP", 1);
        publish(EV_TICK_5, NULL); /* without a subscriber no serial is used */
        publish(EV_PROCESS_GROUP_ADDED, NULL);
        remote("x");
        says(&r.members[0], "READY\n");
        cr_expect(strstr(hears(&r.members[0]), "serial:1 pool:one poolserial:0 "));
        says(&q.members[0], "READY\n");
        cr_expect(strstr(hears(&q.members[0]),
                         "serial:0 pool:two poolserial:0 eventname:PROCESS_GROUP_ADDED len:15\n"));
        says(&q.members[0], "RESULT 2\nOKREADY\n");
        cr_expect(strstr(hears(&q.members[0]), "serial:1 pool:two poolserial:1 "));
        pool_release(&r);
        pool_release(&q);
}

Test(listeners, with_overlapping_subscriptions_get_each_event_once)
{
        struct pool_rig r;

        pool_init(&r, "pool", "EVENT,REMOTE_COMMUNICATION,PROCESS_STATE,TICK_5", 1);
        remote("one");
        says(&r.members[0], "READY\n");
        cr_expect(strstr(hears(&r.members[0]), "\none"));
        says(&r.members[0], "RESULT 2\nOKREADY\n");
        hears_nothing(&r.members[0]);
        pool_release(&r);
}

Test(listeners, never_get_events_without_a_supervisor_name)
{
        struct pool_rig r;

        pool_init(&r, "pool", "EVENT", 1);
        says(&r.members[0], "READY\n");
        for (enum event_type t = EV_HEALTH; t < EV_TYPE_COUNT; t++)
                publish(t, "x");
        hears_nothing(&r.members[0]);
        pool_release(&r);
}

Test(listeners, do_not_hear_themselves_talk)
{
        struct pool_rig r;

        pool_init(&r, "pool", "PROCESS_LOG", 1);
        says(&r.members[0], "READY\n");
        bus_publish(&sup.bus, &(struct event){ .type = EV_PROCESS_LOG_STDOUT,
                                               .process = r.procs[0],
                                               .data = "READY\n",
                                               .len = 6 });
        hears_nothing(&r.members[0]);
        pool_release(&r);
}

Test(listeners, lose_the_oldest_when_too_many_wait)
{
        struct pool_rig r;

        pool_init(&r, "pool", "REMOTE_COMMUNICATION", 1);
        r.program->buffer_size = 2;
        remote("zero");
        remote("one");
        remote("two");
        logged("ERRO pool pool event buffer overflowed, discarding event 0\n");
        says(&r.members[0], "READY\n");
        cr_expect(strstr(hears(&r.members[0]), "poolserial:1 "));
        pool_release(&r);
}

Test(listeners, that_are_dead_do_not_flood_the_log)
{
        struct pool_rig r;
        struct event e = {
                .type = EV_REMOTE_COMMUNICATION, .name = "n", .data = "", .at = { 5, 0 }
        };

        pool_init(&r, "pool", "REMOTE_COMMUNICATION", 1);
        r.program->buffer_size = 1;
        for (int i = 0; i < 1002; i++) {
                bus_publish(&sup.bus, &e);
                e.at.mono_ms += i < 1000 ? 10 : 60000;
        }
        cr_expect_eq(count_lines("discarding event"), 11);
        cr_expect_eq(count_lines("discarded 990 more events in"), 1);
        pool_release(&r);
}

Test(listeners, that_come_back_are_told_what_was_lost)
{
        struct pool_rig r;

        pool_init(&r, "pool", "REMOTE_COMMUNICATION", 1);
        r.program->buffer_size = 1;
        for (int i = 0; i < 14; i++)
                remote("x");
        says(&r.members[0], "READY\n");
        cr_expect_eq(count_lines("discarded 3 more events in"), 1);
        pool_release(&r);
}

Test(listeners, keep_a_rejected_event_in_a_full_buffer)
{
        struct pool_rig r;

        pool_init(&r, "pool", "REMOTE_COMMUNICATION", 1);
        r.program->buffer_size = 2;
        says(&r.members[0], "READY\n");
        remote("zero");
        remote("one");
        remote("two");
        hears(&r.members[0]);
        says(&r.members[0], "RESULT 4\nFAILREADY\n");
        cr_expect(strstr(hears(&r.members[0]), "\nzero"));
        says(&r.members[0], "RESULT 2\nOKREADY\n");
        cr_expect(strstr(hears(&r.members[0]), "\ntwo"));
        pool_release(&r);
}

Test(listeners, that_leave_a_pool_give_their_event_back)
{
        struct pool_rig r;

        pool_init(&r, "pool", "REMOTE_COMMUNICATION", 2);
        says(&r.members[1], "READY\n");
        remote("one");
        hears(&r.members[1]);
        r.fleet.count = 1;
        member_free(&r.members[1]);
        says(&r.members[0], "READY\n");
        cr_expect(strstr(hears(&r.members[0]), "\none"));
        pool_release(&r);
}

Test(listeners, follow_changed_subscriptions)
{
        struct pool_rig r;

        pool_init(&r, "pool", "REMOTE_COMMUNICATION,TICK_60", 1);
        struct program *next = make_program(KIND_LISTENER, "pool");
        strlist_add(&next->events, "PROCESS_GROUP");
        r.conf.programs = &next;
        cr_assert(listeners_add_group(&sup, &r.group));
        says(&r.members[0], "READY\n");
        remote("one");
        hears_nothing(&r.members[0]);
        publish(EV_PROCESS_GROUP_REMOVED, NULL);
        cr_expect(strstr(hears(&r.members[0]), "groupname:kind\n"));
        pool_release(&r);
        program_unref(next);
}

Test(listeners, keep_a_large_payload_whole)
{
        struct pool_rig r;
        size_t size = 300000, len = 0;
        char *data = malloc(size + 1), *got = malloc(size + 4096);

        cr_assert(data && got);
        memset(data, 'k', size);
        data[size] = '\0';
        pool_init(&r, "pool", "REMOTE_COMMUNICATION", 1);
        says(&r.members[0], "READY\n");
        remote(data);
        for (int i = 0; i < 100 && len < size; i++) {
                ssize_t n = read(r.members[0].stdin_end, got + len, size + 4096 - len);
                len += n > 0 ? (size_t)n : 0;
                ev_run(sup.loop, EVRUN_NOWAIT);
        }
        cr_expect(strncmp(got, "ver:3.0 ", 8) == 0 && got[len - 1] == 'k');
        cr_expect_eq(len, (size_t)(strchr(got, '\n') - got) + 1 + 10 + size);
        pool_release(&r);
        free(data);
        free(got);
}
