#include "sys/store/slot_table.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "whole_file.h"

#define RECORD 120

static char dir[] = "/tmp/slot_table.XXXXXX";
static char path[64], aside[80];
static struct state_owner me;
static struct slot_table table;
static struct buf said;

static void open_as(const struct state_owner *who)
{
        struct err e = { 0 };

        buf_reset(&said);
        cr_assert(slot_table_open(&table, path, RECORD, who, &said, &e), "%s", e.text);
}

static void setup(void)
{
        struct err e;

        cr_assert(mkdtemp(dir));
        snprintf(path, sizeof path, "%s/table", dir);
        snprintf(aside, sizeof aside, "%s/table.aside", dir);
        cr_assert(state_owner_here(&me, &e), "%s", e.text);
        me.version = 3;
        me.readable_by = 2;
        open_as(&me);
}

static void teardown(void)
{
        slot_table_close(&table);
        buf_release(&said);
        unlink(path);
        unlink(aside);
        rmdir(dir);
}

TestSuite(slot_table, .init = setup, .fini = teardown);

static void reopen(void)
{
        slot_table_close(&table);
        open_as(&me);
}

static uint32_t add(const char *text)
{
        struct err e = { 0 };
        uint32_t slot = slot_table_add(&table, text, (uint32_t)strlen(text) + 1, &e);

        cr_assert(slot != STATE_NO_SLOT, "%s", e.text);
        return slot;
}

static void write_text(uint32_t slot, const char *text)
{
        slot_table_write(&table, slot, text, (uint32_t)strlen(text) + 1);
}

static const char *read_text(uint32_t slot)
{
        static char text[RECORD];

        return slot_table_read(&table, slot, text, sizeof text) ? text : "";
}

static int with_text(const char *text)
{
        int count = 0;

        for (uint32_t i = 0; i < table.slot_count; i++)
                count += strcmp(read_text(i), text) == 0;
        return count;
}

Test(slot_table, is_made_with_private_rights)
{
        struct stat st;

        cr_assert_eq(stat(path, &st), 0);
        cr_expect_eq(st.st_mode & 0777, 0600);
        cr_expect_eq(said.len, 0);
        cr_expect(st.st_blocks * 512 >= st.st_size, "blocks are there beforehand");
}

Test(slot_table, keeps_the_last_word)
{
        uint32_t a = add("one"), b = add("two");

        for (int i = 0; i < 7; i++) {
                write_text(a, i % 2 ? "odd" : "even");
                reopen();
                cr_expect_str_eq(read_text(a), i % 2 ? "odd" : "even");
                cr_expect_str_eq(read_text(b), "two");
        }
}

Test(slot_table, forgets_what_was_dropped_and_uses_the_place_again)
{
        uint32_t a = add("one");

        add("two");
        slot_table_drop(&table, a);
        reopen();
        cr_expect_str_eq(read_text(a), "");
        cr_expect_eq(add("three"), a);
        reopen();
        cr_expect_str_eq(read_text(a), "three");
}

Test(slot_table, grows)
{
        char text[32];

        for (int i = 0; i < 300; i++) {
                snprintf(text, sizeof text, "worker %d", i);
                cr_assert_eq(add(text), (uint32_t)i);
        }
        reopen();
        for (int i = 0; i < 300; i++) {
                snprintf(text, sizeof text, "worker %d", i);
                cr_assert_str_eq(read_text((uint32_t)i), text);
        }
        cr_expect_eq(table.damaged, 0);
}

Test(slot_table, refuses_a_record_that_does_not_fit)
{
        char text[RECORD + 1] = "";
        struct err e = { 0 };

        cr_expect_eq(slot_table_add(&table, text, sizeof text, &e), STATE_NO_SLOT);
        cr_expect(strstr(e.text, "fit"), "%s", e.text);
}

Test(slot_table, is_written_by_a_child_that_shares_the_memory)
{
        uint32_t a = add("before");
        pid_t pid = vfork();

        if (pid == 0) {
                slot_table_write(&table, a, "inside", 7);
                _exit(0);
        }
        waitpid(pid, NULL, 0);
        write_text(add("other"), "x");
        reopen();
        cr_expect_str_eq(read_text(a), "inside");
}

/* ---- whose it is */

static void expect_aside(const struct state_owner *who, const char *why)
{
        add("mine");
        slot_table_close(&table);
        open_as(who);
        cr_expect(strstr(buf_str(&said), why), "%s", buf_str(&said));
        cr_expect_eq(access(aside, F_OK), 0);
        cr_expect_eq(with_text("mine"), 0);
}

Test(slot_table, sets_another_boots_aside)
{
        struct state_owner other = me;

        other.boot_id[0] ^= 1;
        expect_aside(&other, "earlier boot");
}

Test(slot_table, sets_another_pid_namespaces_aside)
{
        struct state_owner other = me;

        other.pid_namespace++;
        expect_aside(&other, "pid namespace");
}

/* The kernel gives the inode number of a namespace that has gone to a later one. */
Test(slot_table, sets_a_later_pid_namespaces_with_the_same_number_aside)
{
        struct state_owner other = me;

        cr_expect_neq(me.namespace_init, 0);
        other.namespace_init++;
        expect_aside(&other, "pid namespace");
}

Test(slot_table, goes_on_where_the_first_process_cannot_be_looked_at)
{
        struct state_owner other = me;

        other.namespace_init = 0;
        uint32_t a = add("mine");
        slot_table_close(&table);
        open_as(&other);
        cr_expect_str_eq(read_text(a), "mine");
}

/* Each is the first of a namespace of its own, and shows which one. */
static uint32_t init_of_a_new_namespace(void)
{
        uint32_t init = 0;
        int ends[2], status = -1;

        cr_assert_eq(pipe(ends), 0);
        pid_t maker = fork();
        if (maker == 0) {
                if (unshare(CLONE_NEWPID) < 0)
                        _exit(77);
                pid_t first = fork();
                if (first == 0) {
                        struct state_owner here;
                        struct err e = { 0 };
                        bool ok = state_owner_here(&here, &e);
                        _exit(ok && write(ends[1], &here.namespace_init, 4) == 4 ? 0 : 1);
                }
                waitpid(first, &status, 0);
                _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
        }
        close(ends[1]);
        cr_assert_eq(waitpid(maker, &status, 0), maker);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
                cr_skip("no pid namespaces here");
        cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        cr_expect_eq(read(ends[0], &init, sizeof init), (ssize_t)sizeof init);
        close(ends[0]);
        return init;
}

Test(slot_table, knows_each_pid_namespace_by_its_first_process)
{
        uint32_t one = init_of_a_new_namespace(), two = init_of_a_new_namespace();
        struct state_owner again;
        struct err e = { 0 };

        cr_expect_neq(one, two);
        cr_expect_neq(one, me.namespace_init);
        cr_expect(state_owner_here(&again, &e));
        cr_expect_eq(again.namespace_init, me.namespace_init);
}

Test(slot_table, sets_another_users_aside)
{
        struct state_owner other = me;

        other.uid++;
        expect_aside(&other, "written by others");
}

Test(slot_table, sets_one_that_others_may_write_aside)
{
        chmod(path, 0660);
        expect_aside(&me, "written by others");
}

Test(slot_table, rename_seq_forward_and_back_by_one_version)
{
        struct state_owner older = me, newer = me;

        older.version = 2;
        newer.version = 4;
        newer.readable_by = 3;
        uint32_t a = add("mine");
        slot_table_close(&table);
        open_as(&older);
        cr_expect_str_eq(read_text(a), "mine");
        slot_table_close(&table);
        open_as(&newer);
        cr_expect_str_eq(read_text(a), "mine");
}

Test(slot_table, sets_a_version_that_is_too_new_aside)
{
        struct state_owner old = me;

        old.version = 1;
        old.readable_by = 1;
        expect_aside(&old, "another version");
}

Test(slot_table, tells_beforehand_whether_a_version_can_be_read)
{
        struct state_owner other = me;

        cr_expect(slot_table_is_readable(path, RECORD, &me));
        other.version = 1;
        cr_expect_not(slot_table_is_readable(path, RECORD, &other), "too old for it");
        cr_expect_not(slot_table_is_readable(path, RECORD + 8, &me), "another layout");
        other.pid_namespace++;
        cr_expect(slot_table_is_readable(path, RECORD, &other), "of no use to anybody here");
        cr_expect(slot_table_is_readable("/nonexistent", RECORD, &me));
}

Test(slot_table, does_not_follow_a_link)
{
        slot_table_close(&table);
        unlink(path);
        cr_assert_eq(symlink("/etc/passwd", path), 0);
        open_as(&me);
        cr_expect(strstr(buf_str(&said), "set aside"), "%s", buf_str(&said));
        add("mine");
        reopen();
        cr_expect_eq(with_text("mine"), 1);
}

/* That descriptors are short says nothing about what is in it. */
Test(slot_table, is_left_as_it_is_where_it_cannot_be_opened_now)
{
        struct rlimit before, none;
        struct err e = { 0 };

        add("text");
        slot_table_close(&table);
        cr_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
        none = before;
        none.rlim_cur = 0;
        cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
        bool opened = slot_table_open(&table, path, RECORD, &me, &said, &e);
        cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
        cr_expect_not(opened);
        cr_expect_eq(e.sys, EMFILE);
        cr_expect_eq(said.len, 0);
        open_as(&me);
        cr_expect_eq(with_text("text"), 1);
        cr_expect_eq(said.len, 0);
}

/* ---- damage */

/* Six slots: records there are whole or not there at all. */
static void expect_nothing_mixed(void)
{
        for (uint32_t i = 0; i < table.slot_count; i++) {
                const char *text = read_text(i);
                cr_assert(!*text || strcmp(text, "old record") == 0 ||
                              strcmp(text, "new record") == 0 || strcmp(text, "only record") == 0,
                          "slot %u: %s", i, text);
        }
}

static void fill(void)
{
        for (int i = 0; i < 6; i++)
                write_text(add(i < 3 ? "old record" : "only record"),
                           i < 3 ? "new record" : "only record");
}

Test(slot_table, survives_being_cut_at_every_length, .timeout = 60)
{
        size_t size;

        fill();
        slot_table_close(&table);
        char *data = slurp(path, &size);
        for (size_t cut = 0; cut < size; cut += cut < 4600 || cut > size - 600 ? 1 : 37) {
                spill(path, data, cut);
                open_as(&me);
                cr_assert(said.len > 0 || table.damaged > 0, "cut at %zu is not noticed", cut);
                expect_nothing_mixed();
                slot_table_close(&table);
        }
        free(data);
        open_as(&me);
}

Test(slot_table, survives_a_flipped_bit_anywhere, .timeout = 60)
{
        size_t size;

        fill();
        slot_table_close(&table);
        char *data = slurp(path, &size);
        for (size_t at = 0; at < 4096 + 6 * 288; at++) {
                data[at] ^= (char)(1 << at % 8);
                spill(path, data, size);
                open_as(&me);
                expect_nothing_mixed();
                if (at < 80)
                        cr_assert(said.len > 0, "flip at %zu is not noticed", at);
                if (at < 4096)
                        cr_assert(with_text("new record") == 3 && with_text("only record") == 3,
                                  "flip at %zu loses what is behind it", at);
                slot_table_close(&table);
                data[at] ^= (char)(1 << at % 8);
        }
        free(data);
        open_as(&me);
}

Test(slot_table, survives_zeroes)
{
        size_t size;

        fill();
        slot_table_close(&table);
        char *data = slurp(path, &size);
        memset(data, 0, size);
        spill(path, data, size);
        open_as(&me);
        cr_expect(strstr(buf_str(&said), "no state table"), "%s", buf_str(&said));
        memset(data, 0xff, size);
        slot_table_close(&table);
        spill(path, data, size);
        open_as(&me);
        cr_expect(said.len > 0);
        free(data);
}

Test(slot_table, notices_zeroes_from_any_place_on, .timeout = 60)
{
        size_t size, used = 4096 + 6 * 2 * (24 + RECORD);

        fill();
        slot_table_close(&table);
        char *data = slurp(path, &size), *zeroed = malloc(size);
        for (size_t from = 0; from < used - 24 - RECORD; from += from < 4096 ? 53 : 7) {
                memcpy(zeroed, data, from);
                memset(zeroed + from, 0, size - from);
                spill(path, zeroed, size);
                open_as(&me);
                cr_assert(said.len > 0 || table.damaged + table.older > 0,
                          "zeroes from %zu on are not noticed", from);
                expect_nothing_mixed();
                reopen();
                cr_assert(said.len == 0 && table.damaged == 0, "told once (%zu)", from);
                slot_table_close(&table);
        }
        free(zeroed);
        free(data);
        open_as(&me);
}

Test(slot_table, a_file_that_was_cut_off_and_grows_again_is_no_damage)
{
        size_t size;

        for (int i = 0; i < 40; i++)
                add("record");
        slot_table_close(&table);
        char *data = slurp(path, &size);
        spill(path, data, 4096 + 4 * 2 * (24 + RECORD));
        free(data);
        open_as(&me);
        cr_expect_gt(table.damaged, 0);
        for (int i = 0; i < 3; i++)
                add("record");
        reopen();
        cr_expect_eq(table.damaged + table.older, 0);
        cr_expect_eq(table.used, 7);
}

Test(slot_table, falls_back_to_the_older_copy_of_a_torn_record)
{
        uint32_t a = add("first");

        write_text(a, "second");
        write_text(a, "third");
        struct state_slot s = table.slots[a];
        char *copy = table.file.map + 4096 + ((size_t)a * 2 + s.at) * (24 + RECORD);
        memset(copy, 0, 8); /* as a kill leaves it: no sum yet */
        reopen();
        cr_expect_str_eq(read_text(a), "second");
        cr_expect_eq(table.damaged, 0);
}

Test(slot_table, loses_nothing_to_kills_in_the_middle_of_writing, .timeout = 60)
{
        uint32_t a = add("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");

        slot_table_close(&table);
        for (int round = 0; round < 60; round++) {
                pid_t pid = fork();
                if (pid == 0) {
                        char text[RECORD];
                        open_as(&me);
                        for (unsigned n = 0;; n++) {
                                memset(text, 'a' + (int)(n % 26), 64);
                                text[64] = '\0';
                                write_text(a, text);
                        }
                }
                usleep((useconds_t)(2000 + round * 37 % 900));
                kill(pid, SIGKILL);
                waitpid(pid, NULL, 0);
                open_as(&me);
                const char *text = read_text(a);
                cr_assert_geq(strlen(text), 64);
                cr_assert_eq(strspn(text, (char[]){ text[0], 0 }), strlen(text), "mixed: %s", text);
                cr_assert_eq(table.damaged, 0);
                slot_table_close(&table);
        }
        open_as(&me);
}

/* Blocks are reserved beforehand: what the disk does not have is said when it is asked for, and no
 * store into what is there can fail. */
Test(slot_table, without_room_on_the_disk_keeps_what_it_has)
{
        struct err e = { 0 };
        uint32_t count = 0;

        signal(SIGXFSZ, SIG_IGN);
        add("one");
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 9000, 9000 });
        while (slot_table_add(&table, "more", 5, &e) != STATE_NO_SLOT)
                cr_assert_lt(++count, 1000);
        cr_expect(strstr(e.text, "reserve"), "%s", e.text);
        cr_expect_gt(count, 10);
        write_text(0, "two");
        reopen();
        cr_expect_str_eq(read_text(0), "two");
        cr_expect_eq((uint32_t)with_text("more"), count);
}

Test(slot_table, is_gone_after_its_removal)
{
        add("one");
        slot_table_remove(&table);
        cr_expect_eq(access(path, F_OK), -1);
        open_as(&me);
        cr_expect_eq(with_text("one"), 0);
}
