/* What one supervisor writes down, and another one goes on with: on a fake kernel, whose workers
 * are records; so only processes without a living worker go on here. The rest is told end to end.
 */
#include "engine/persist/state.h"

#include <criterion/criterion.h>
#include <ev.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../src/engine/persist/state_record.h"
#include "base/fd.h"
#include "engine/order/orders.h"
#include "engine/run/launches.h"
#include "house.h"

#define PROGRAMS                                                      \
        "[program:a]\ncommand=/bin/w\nstartsecs=0\n"                  \
        "[program:b]\ncommand=/bin/w\nstartsecs=0\nautostart=false\n" \
        "[program:f]\ncommand=/bin/w\nstartsecs=0\nprocess_name=%(process_num)d\n"

static struct house h;
static char dir[] = "/tmp/state.XXXXXX";
static char path[64];

static void open_house(const char *programs)
{
        struct err e = { 0 };

        house_open(&h, "", programs);
        cr_assert(state_open(&h.sup, path, &e), "%s", e.text);
}

static void setup(void)
{
        cr_assert(mkdtemp(dir));
        snprintf(path, sizeof path, "%s/s", dir);
        open_house(PROGRAMS);
        house_begin(&h);
}

static void leave(bool keep)
{
        state_close(&h.sup, keep);
        house_close(&h);
}

/* What was set aside stays after the daemon's end. */
static void sweep(void)
{
        static const char *const names[] = { "records.aside", "texts.aside", "table.aside" };
        char file[128];

        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
                snprintf(file, sizeof file, "%s/%s", path, names[i]);
                unlink(file);
        }
        rmdir(path);
}

static void teardown(void)
{
        leave(false);
        sweep();
        rmdir(dir);
}

TestSuite(state, .init = setup, .fini = teardown, .timeout = 20);

/* As after a SIGKILL: the records stay, nothing is said to anybody. */
static void succeed(const char *programs)
{
        leave(true);
        open_house(programs);
        house_begin(&h);
}

Test(state, lives_in_a_private_directory)
{
        struct stat st;

        cr_assert_eq(stat(path, &st), 0);
        cr_expect_eq(st.st_mode & 07777, 0700);
        cr_expect_str_eq(state_dir(&h.sup), path);
}

Test(state, is_gone_after_a_clean_stop)
{
        leave(false);
        cr_expect_eq(access(path, F_OK), -1);
        open_house(PROGRAMS);
        house_begin(&h);
        cr_expect_str_eq(house_state(&h, "a"), "RUNNING");
}

Test(state, a_process_that_was_stopped_by_order_stays_stopped)
{
        order_stop(&h.sup, house_process(&h, "a"), NULL);
        house_settle(&h);
        cr_assert_str_eq(house_state(&h, "a"), "STOPPED");
        succeed(PROGRAMS);
        cr_expect_str_eq(house_state(&h, "a"), "STOPPED");
}

Test(state, a_worker_that_is_not_there_any_more_is_restarted_by_policy)
{
        succeed(PROGRAMS);
        cr_expect(house_said(&h, "'a' (pid 1000) ended while unsupervised"));
        cr_expect_str_eq(house_state(&h, "b"), "STOPPED");
        house_later(&h, 1000);
        cr_expect_str_eq(house_state(&h, "a"), "RUNNING");
        cr_expect_not(house_process(&h, "a")->ending.known);
}

/* The kernel has told how it ended, and that is all that happened. */
static void reap_only(const char *name, int status)
{
        int told;

        kernel_end(&h.kernel, house_process(&h, name)->pid, status);
        cr_assert_gt(h.sup.sys->reap(h.sup.sys, &told), 0);
}

Test(state, an_end_that_was_reaped_and_not_noted_is_known)
{
        reap_only("a", KERNEL_EXITED(7));
        succeed(PROGRAMS);
        cr_expect(house_process(&h, "a")->ending.known);
        cr_expect_eq(house_process(&h, "a")->ending.code, 7);
        cr_expect_eq(house_process(&h, "a")->restarts, 0);
}

Test(state, an_end_is_told_by_one_successor_only)
{
        reap_only("a", KERNEL_KILLED(SIGINT));
        succeed(PROGRAMS);
        house_later(&h, 1000);
        cr_assert_eq(house_process(&h, "a")->restarts, 1);
        succeed(PROGRAMS); /* of the new one nothing was told */
        cr_expect_not(house_process(&h, "a")->ending.known);
}

Test(state, an_exit_that_was_noted_is_not_stored_again)
{
        int status;
        pid_t pid = house_process(&h, "a")->pid;

        kernel_end(&h.kernel, pid, KERNEL_EXITED(7));
        reaper_drain(&h.sup);
        leave(true);
        open_house(PROGRAMS);
        cr_expect_not(state_end_persisted(&h.sup, pid, &status));
        house_begin(&h);
}

Test(state, the_exit_of_a_stranger_is_not_stored)
{
        int status;

        kernel_end(&h.kernel, 4711, KERNEL_EXITED(7));
        reaper_drain(&h.sup);
        leave(true);
        open_house(PROGRAMS);
        cr_expect_not(state_end_persisted(&h.sup, 4711, &status));
        house_begin(&h);
}

Test(state, a_scaled_fleet_keeps_its_size)
{
        bool ambiguous;
        struct scale_answer answer;
        struct err e;

        order_scale(&h.sup, registry_fleet(&h.sup.registry, "f", &ambiguous), false, 3, NULL,
                    &answer, &e);
        succeed(PROGRAMS);
        cr_expect_str_neq(house_state(&h, "f:2"), "-");
        succeed("[program:f]\ncommand=/bin/w\nstartsecs=0\nnumprocs=2\n"
                "process_name=%(process_num)d\n");
        cr_expect_str_neq(house_state(&h, "f:1"), "-");
        cr_expect_str_eq(house_state(&h, "f:2"), "-", "numprocs was changed since");
}

Test(state, a_process_that_was_stopped_by_shutdown_starts_again)
{
        order_shutdown(&h.sup, NULL, "test");
        house_settle(&h);
        cr_assert_str_eq(house_state(&h, "a"), "STOPPED");
        succeed(PROGRAMS);
        cr_expect_str_eq(house_state(&h, "a"), "RUNNING");
}

Test(state, a_process_that_was_leaving_and_is_configured_again_runs_again)
{
        supervisor_order(&h.sup, house_process(&h, "a"), PE_RETIRE);
        cr_assert_eq(house_process(&h, "a")->state, PS_RETIRING);
        succeed(PROGRAMS);
        cr_expect_str_eq(house_state(&h, "a"), "RUNNING");
}

Test(state, a_start_that_waited_is_resumed)
{
        struct process *a = house_process(&h, "a");

        supervisor_order(&h.sup, a, PE_STOP);
        house_settle(&h);
        cr_assert_str_eq(house_state(&h, "a"), "STOPPED");
        supervisor_order(&h.sup, a, PE_WAIT);
        cr_assert_eq(a->state, PS_WAITING);
        succeed(PROGRAMS);
        cr_expect_str_eq(house_state(&h, "a"), "RUNNING");
}

Test(state, a_second_supervisor_is_refused_and_told_of_the_first)
{
        struct err e = { 0 };
        struct house other;
        int out[2];

        state_sign(&h.sup);
        cr_assert_eq(pipe(out), 0);
        house_open(&other, "", PROGRAMS);
        cr_expect_not(state_open(&other.sup, path, &e));
        cr_expect_eq(e.code, ERR_BUSY);
        char pid[32];
        snprintf(pid, sizeof pid, "pid %d ", (int)getpid());
        cr_expect(strstr(e.text, pid), "%s", e.text);
        house_close(&other);
}

Test(state, where_there_can_be_none_it_goes_on_without)
{
        struct err e = { 0 };

        leave(false);
        house_open(&h, "", PROGRAMS);
        cr_expect(state_open(&h.sup, "/proc/none/state", &e));
        cr_expect_null(state_dir(&h.sup));
        cr_expect(house_said(&h, "will not survive"));
        house_begin(&h);
        cr_expect_str_eq(house_state(&h, "a"), "RUNNING");
}

/* ---- the page about the format */

static void expect_line(const char *page, unsigned at, const struct field *f)
{
        char number[16], line[128];

        snprintf(number, sizeof number, "%u", f->size);
        snprintf(line, sizeof line, "\n| %u | %s | %s |", f->tag ? f->tag : at,
                 f->type == FIELD_TEXT    ? "text"
                 : f->type == FIELD_TIMES ? "times"
                                          : number,
                 f->name ? f->name : "fingerprint of what it was started with");
        cr_expect(strstr(page, line), "doc/state-format.md has no line '%s'", line + 1);
}

Test(state, the_page_about_the_format_has_every_field)
{
        unsigned at = offsetof(struct record_step, fields);
        AUTO_BUF page = BUF_INIT;
        AUTO_FD fd = open("doc/state-format.md", O_RDONLY);
        bool seen[256] = { false };

        cr_assert(buf_reserve(&page, 65536));
        ssize_t n = read(fd, page.data, 65535);
        cr_assert(n > 0 && n < 65535);
        page.data[n] = '\0';
        for (int i = 0; i < PART_COUNT; i++)
                for (size_t k = 0; k < record_layout[i]->count; k++) {
                        const struct field *f = &record_layout[i]->rows[k];
                        expect_line(page.data, at, f);
                        at += f->tag ? 0 : f->size;
                        cr_expect_not(f->tag && seen[f->tag], "tag %u twice", f->tag);
                        seen[f->tag] = true;
                }
        cr_expect_eq(at, sizeof(struct record_step));
}

/* ---- what it costs */

static uint64_t stores(void)
{
        return state_of(&h.sup)->table.written;
}

/* Whatever is due, however slow this machine is. */
static void later_and_settled(void)
{
        for (int i = 0; i < 10; i++) {
                house_later(&h, 100000);
                house_settle(&h);
        }
}

/* At first at once, then after a while; the program that has to be up for a second as well. */
Test(state, a_crash_and_the_restart_store_a_record_three_times_at_most)
{
        static const char *const names[] = { "a", "slow" };

        succeed("[program:a]\ncommand=/bin/w\nstartsecs=0\n[program:slow]\ncommand=/bin/w\n");
        later_and_settled();
        for (int i = 0; i < 6; i++) {
                const char *name = names[i % 2];
                struct process *p = house_process(&h, name);
                cr_assert_str_eq(house_state(&h, name), "RUNNING");
                uint64_t before = stores();
                house_end(&h, name, KERNEL_EXITED(3));
                house_settle(&h);
                cr_assert_eq(p->pid, 0);
                later_and_settled();
                cr_assert_str_eq(house_state(&h, name), "RUNNING");
                cr_expect_leq(stores() - before, 3, "%s: %d", name, (int)(stores() - before));
        }
}

/* ---- written anew while a child has not yet noted itself */

static void remove_file(const char *name)
{
        char file[128];

        snprintf(file, sizeof file, "%s/%s", path, name);
        cr_assert_eq(unlink(file), 0, "%s", file);
}

static void remove_all(void)
{
        static const char *const names[] = { "records", "texts", "events", "lock" };

        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                remove_file(names[i]);
        cr_assert_eq(rmdir(path), 0);
}

static void expect_start_known(void (*lose)(void))
{
        struct process *b = house_process(&h, "b");
        struct err detail = { 0 };
        char line[64];

        h.kernel.spawn_takes_time = true;
        cr_assert_eq(order_start(&h.sup, b, NULL, &detail), FAULT_NONE);
        cr_assert(!launch_is_born(b) && b->pid > 0);
        snprintf(line, sizeof line, "'b' (pid %d) ended while unsupervised", (int)b->pid);
        lose();
        while (!house_said(&h, "had gone: written anew"))
                ev_run(h.sup.loop, EVRUN_ONCE);
        succeed(PROGRAMS);
        cr_expect(house_said(&h, line), "%s not in: %s", line, buf_str(&h.lines));
}

static void lose_records(void)
{
        remove_file("records");
}

Test(state, that_goes_during_a_start_knows_of_it_afterwards)
{
        expect_start_known(lose_records);
}

Test(state, that_goes_as_a_whole_during_a_start_knows_of_it_afterwards)
{
        expect_start_known(remove_all);
}

/* ---- damage */

struct copy {
        char file[128];
        char *data;
        size_t size;
};

static void copy_take(struct copy *c, const char *name)
{
        struct stat st;

        snprintf(c->file, sizeof c->file, "%s/%s", path, name);
        AUTO_FD fd = open(c->file, O_RDONLY);
        cr_assert(fd >= 0 && fstat(fd, &st) == 0);
        c->size = (size_t)st.st_size;
        c->data = malloc(c->size);
        cr_assert_eq(read(fd, c->data, c->size), (ssize_t)c->size);
}

static void copy_put(const struct copy *c, size_t size)
{
        AUTO_FD fd = open(c->file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

        cr_assert(fd >= 0 && fd_write_all(fd, c->data, size));
}

/* A daemon starts with this state, and signals no process. */
static void expect_harmless(const char *what, size_t at)
{
        open_house(PROGRAMS);
        house_begin(&h);
        house_later(&h, 100);
        cr_assert_eq(h.kernel.kill_count, 0, "%s %zu", what, at);
        leave(true);
}

static void damage_everywhere(const char *name, size_t used)
{
        struct copy records, texts;

        leave(true);
        copy_take(&records, "records");
        copy_take(&texts, "texts");
        struct copy *c = strcmp(name, "texts") == 0 ? &texts : &records;
        for (size_t cut = 0; cut < c->size; cut += cut < 90 ? 1 : cut < 4000 ? 501 : 13) {
                copy_put(&records, records.size);
                copy_put(&texts, texts.size);
                copy_put(c, cut);
                expect_harmless("cut at", cut);
        }
        for (size_t at = 0; at < used; at = at == 90 ? 4096 : at + 1) {
                c->data[at] ^= (char)(1 << at % 8);
                copy_put(&records, records.size);
                copy_put(&texts, texts.size);
                expect_harmless("flip at", at);
                c->data[at] ^= (char)(1 << at % 8);
        }
        memset(c->data, 0, c->size);
        copy_put(c, c->size);
        expect_harmless("zeroes", 0);
        free(records.data);
        free(texts.data);
        open_house(PROGRAMS);
        house_begin(&h);
}

Test(state, damaged_records_harm_no_process, .timeout = 100)
{
        damage_everywhere("records", 4096 + 3 * 240);
}

Test(state, damaged_texts_harm_no_process, .timeout = 100)
{
        damage_everywhere("texts", 4096 + 300);
}
