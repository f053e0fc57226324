/* Ledgers over the death of a daemon: the second rig stands for the successor of the first. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "rig.h"
#include "sys/store/mapped.h"

static struct rig r;
static struct stream *s;
static int worker;
static char keep[96], log_file[96];
static struct stream_conf conf;
static struct state_owner me;

static void keep_ledgers(void)
{
        AUTO_BUF said = BUF_INIT;
        struct err e = { 0 };

        cr_assert(logs_persist_ledgers(r.logs, keep, &me, &said, &e), "%s", e.text);
        cr_assert_eq(said.len, 0, "%s", buf_str(&said));
}

static void begin(void)
{
        keep_ledgers();
        s = rig_stream(&r, &conf);
        worker = rig_attach(&r, s);
}

static void open_all(void)
{
        struct err e;

        rig_open(&r, false);
        snprintf(keep, sizeof keep, "%s/ledgers", r.dir);
        snprintf(log_file, sizeof log_file, "%s/log", r.dir);
        conf = (struct stream_conf){ .process = "p", .path = log_file, .backups = 3, .key = 17 };
        cr_assert(state_owner_here(&me, &e));
        begin();
}

static void close_all(void)
{
        close(worker);
        stream_free(s);
        rig_close(&r);
}

TestSuite(persistent_ledger, .init = open_all, .fini = close_all, .timeout = 20);

/* As after a SIGKILL: the streams were not closed. */
static void succeed(void)
{
        const struct logs_news none = { 0 };

        close(worker);
        stream_free(s);
        logs_free(r.logs);
        r.logs = logs_new(r.loop, sys_real(), &r.log, &none);
        cr_assert(r.logs);
        begin();
}

static void say(const char *text)
{
        rig_say(worker, text);
        rig_settle(&r);
}

static void expect(uint64_t read, uint64_t written, uint64_t dropped, uint64_t rotations)
{
        struct stream_ledger l;

        stream_ledger(s, &l);
        rig_check(s);
        cr_expect(l.read == read && l.written == written && l.dropped == dropped &&
                      l.rotations == rotations,
                  "%lu read, %lu written, %lu dropped, %lu rotations", (long)l.read,
                  (long)l.written, (long)l.dropped, (long)l.rotations);
}

static void append(const char *name, const char *text)
{
        FILE *f = fopen(rig_path(&r, name), "a");

        cr_assert(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

Test(persistent_ledger, a_ledger_goes_on)
{
        say("one\ntwo\n");
        succeed();
        expect(8, 8, 0, 0);
        say("three\n");
        expect(14, 14, 0, 0);
        succeed();
        expect(14, 14, 0, 0);
}

Test(persistent_ledger, offsets_go_on_in_the_same_file)
{
        struct stream_ledger was, is;

        append("log", "of an older daemon\n");
        say("one\n");
        stream_ledger(s, &was);
        succeed();
        say("two\n");
        stream_ledger(s, &is);
        cr_expect_eq(was.base, -19);
        cr_expect_eq(is.base, -19);
        cr_expect_eq(is.inode, was.inode);
}

Test(persistent_ledger, a_batch_that_was_not_counted_is_found_in_the_file)
{
        say("one\n");
        append("log", "two\n"); /* spliced, and then the kill came */
        succeed();
        say("three\n");
        expect(14, 14, 0, 0);
}

Test(persistent_ledger, a_batch_that_was_not_counted_is_found_behind_a_rotation)
{
        say("one\n");
        append("log", "two\n");
        cr_assert_eq(rename(rig_path(&r, "log"), rig_path(&r, "log.1")), 0);
        append("log", "three\n");
        succeed();
        say("four\n");
        expect(19, 19, 0, 1);
}

Test(persistent_ledger, changes_by_other_programs_are_not_counted)
{
        say("one\n");
        cr_assert_eq(truncate(rig_path(&r, "log"), 0), 0);
        succeed();
        say("two\n");
        expect(8, 8, 0, 0);
        cr_assert_eq(truncate(rig_path(&r, "log"), 100 << 20), 0);
        succeed();
        say("three\n");
        expect(14, 14, 0, 0);
}

Test(persistent_ledger, a_stream_that_is_over_begins_anew)
{
        say("one\n");
        logs_settled(r.logs);
        succeed();
        expect(0, 0, 0, 0);
}

Test(persistent_ledger, a_stream_that_is_not_resumed_is_over)
{
        say("one\n");
        conf.key = 18;
        succeed();
        logs_settled(r.logs);
        conf.key = 17;
        succeed();
        expect(0, 0, 0, 0);
}

Test(persistent_ledger, a_silent_stream_costs_nothing)
{
        rig_settle(&r);
        succeed();
        expect(0, 0, 0, 0);
        say("one\n");
        expect(4, 4, 0, 0);
}

/* ---- a disk that refuses */

TestSuite(persistent_ledger_full, .timeout = 20);

Test(persistent_ledger_full, the_backlog_is_dropped_unless_it_came_to_the_file)
{
        struct err e;

        rig_open(&r, true);
        snprintf(keep, sizeof keep, "%s/ledgers", r.dir);
        snprintf(log_file, sizeof log_file, "%s/log", r.dir);
        conf = (struct stream_conf){ .process = "p", .path = log_file, .key = 17 };
        cr_assert(state_owner_here(&me, &e));
        begin();
        say("one\n");
        kernel_fail(&r.kernel, K_WRITE, 0, ENOSPC);
        say("two\n");
        succeed();
        append("log", "tw");
        say("four\n");
        expect(13, 11, 2, 0);
        close_all();
}
