#include "sys/store/record_store.h"

#include <criterion/criterion.h>
#include <fcntl.h>
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

#define TAG 7

static char dir[] = "/tmp/vault.XXXXXX";
static char path[64], aside[80];
static struct state_owner me;
static struct record_store vault;
static struct buf said;

static void open_it(void)
{
        struct err e = { 0 };

        buf_reset(&said);
        cr_assert(record_store_open(&vault, path, &me, &said, &e), "%s", e.text);
}

static void setup(void)
{
        struct err e;

        cr_assert(mkdtemp(dir));
        snprintf(path, sizeof path, "%s/texts", dir);
        snprintf(aside, sizeof aside, "%s/texts.aside", dir);
        cr_assert(state_owner_here(&me, &e), "%s", e.text);
        me.version = me.readable_by = 1;
        open_it();
}

static void teardown(void)
{
        record_store_close(&vault);
        buf_release(&said);
        unlink(path);
        unlink(aside);
        rmdir(dir);
}

TestSuite(record_store, .init = setup, .fini = teardown);

static void reopen(void)
{
        record_store_close(&vault);
        open_it();
}

static uint32_t put(const char *text)
{
        struct err e = { 0 };
        uint32_t at = record_store_put(&vault, TAG, 0, text, strlen(text) + 1, &e);

        cr_assert(at != VAULT_NONE, "%s", e.text);
        return at;
}

static const char *look(uint32_t at)
{
        size_t len;
        const char *text = record_store_look(&vault, at, TAG, &len);

        return text && len == strlen(text) + 1 ? text : "-";
}

Test(record_store, keeps_texts_of_any_length)
{
        char *longer = malloc(200000);

        memset(longer, 'x', 199999);
        longer[199999] = '\0';
        uint32_t a = put("one"), b = put(longer), c = put("");
        reopen();
        cr_expect_str_eq(look(a), "one");
        cr_expect_str_eq(look(b), longer);
        cr_expect_str_eq(look(c), "");
        free(longer);
}

Test(record_store, gives_room_again_but_not_what_is_claimed)
{
        uint32_t a = put("one"), b = put("two");

        record_store_drop(&vault, a);
        reopen();
        cr_expect_str_eq(look(a), "-");
        cr_assert(record_store_claim(&vault, b));
        cr_expect_not(record_store_claim(&vault, b), "taken already");
        cr_expect_eq(put("three"), a);
        cr_expect_neq(put("four"), b);
        cr_expect_str_eq(look(b), "two");
}

Test(record_store, shows_nothing_by_a_wrong_place_or_tag)
{
        size_t len;
        uint32_t a = put("a text that is longer than one unit, so that there is a place within it");

        cr_expect_null(record_store_look(&vault, a, TAG + 1, &len));
        cr_expect_null(record_store_look(&vault, a + 1, TAG, &len));
        cr_expect_null(record_store_look(&vault, UINT32_MAX, TAG, &len));
        cr_expect_null(record_store_look(&vault, vault.file.units, TAG, &len));
}

Test(record_store, is_gone_through_from_front_to_back)
{
        uint32_t tag, next = 0, at, seen = 0;

        put("one");
        uint32_t gone = put("two");
        put("a third one that is longer than the ones before it");
        record_store_drop(&vault, gone);
        reopen();
        while ((at = record_store_find(&vault, next, &tag, &next)) != VAULT_NONE) {
                cr_expect_eq(tag, TAG);
                seen++;
        }
        cr_expect_eq(seen, 2);
}

Test(record_store, keeps_marks)
{
        uint32_t a = put("one");

        cr_expect_eq(record_store_marked(&vault, a), 0);
        record_store_mark(&vault, a, 99);
        reopen();
        cr_expect_eq(record_store_marked(&vault, a), 99);
}

Test(record_store, without_room_on_the_disk_keeps_what_it_has)
{
        struct err e = { 0 };
        uint32_t a = put("one"), at;
        int count = 0;

        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 9000, 9000 });
        while ((at = record_store_put(&vault, TAG, 0, "more", 5, &e)) != VAULT_NONE)
                cr_assert_lt(++count, 1000);
        cr_expect(strstr(e.text, "reserve"), "%s", e.text);
        record_store_drop(&vault, a);
        cr_expect_eq(put("two"), a, "what was given back can be had");
        reopen();
        cr_expect_str_eq(look(a), "two");
}

/* Whatever is stored where, no place is given away twice. */
Test(record_store, stays_in_order_over_many_changes)
{
        uint32_t at[200];
        char text[200][300];
        unsigned seed = 5;

        for (int i = 0; i < 200; i++)
                at[i] = VAULT_NONE;
        for (int round = 0; round < 20000; round++) {
                int i = rand_r(&seed) % 200;
                if (at[i] != VAULT_NONE) {
                        cr_assert_str_eq(look(at[i]), text[i]);
                        record_store_drop(&vault, at[i]);
                }
                int len = rand_r(&seed) % 290;
                memset(text[i], 'a' + i % 26, (size_t)len);
                snprintf(text[i] + len, 10, "%d", i);
                at[i] = put(text[i]);
        }
        reopen();
        for (int i = 0; i < 200; i++)
                cr_assert(at[i] == VAULT_NONE || strcmp(look(at[i]), text[i]) == 0);
}

Test(record_store, touches_only_what_is_used)
{
        char text[64];

        for (int i = 0; i < 300; i++) {
                snprintf(text, sizeof text, "a name of some length %d", i);
                put(text);
        }
        reopen();
        look(3);
        FILE *f = fopen("/proc/self/smaps", "r");
        char line[512];
        long rss = -1;
        bool here = false;
        while (fgets(line, sizeof line, f)) {
                if (strstr(line, "/texts"))
                        here = true;
                else if (here && sscanf(line, "Rss: %ld", &rss) == 1)
                        break;
        }
        fclose(f);
        cr_expect(rss >= 0 && rss <= 64, "%ld KiB are resident", rss);
}

Test(record_store, shows_the_whole_text_or_none_when_damaged, .timeout = 60)
{
        size_t size;
        uint32_t a = put("the first text"), b = put("the second text, which is a bit longer");

        record_store_close(&vault);
        char *data = slurp(path, &size);
        for (size_t at = 0; at < 4096 + 200; at++) {
                data[at] ^= (char)(1 << at % 8);
                spill(path, data, size);
                open_it();
                const char *x = look(a), *y = look(b);
                cr_assert(strcmp(x, "-") == 0 || strcmp(x, "the first text") == 0);
                cr_assert(strcmp(y, "-") == 0 || strncmp(y, "the second text", 15) == 0);
                record_store_close(&vault);
                data[at] ^= (char)(1 << at % 8);
        }
        for (size_t cut = 0; cut < size; cut += cut < 4400 ? 1 : 97) {
                spill(path, data, cut);
                open_it();
                const char *x = look(a);
                cr_assert(strcmp(x, "-") == 0 || strcmp(x, "the first text") == 0);
                record_store_close(&vault);
        }
        free(data);
        open_it();
}

Test(record_store, a_kill_in_the_middle_leaves_whole_texts, .timeout = 60)
{
        record_store_close(&vault);
        for (int round = 0; round < 40; round++) {
                pid_t pid = fork();
                if (pid == 0) {
                        uint32_t at = VAULT_NONE;
                        open_it();
                        for (unsigned n = 0;; n++) {
                                char text[100];
                                memset(text, 'a' + (int)(n % 26), 90);
                                text[90] = '\0';
                                uint32_t was = at;
                                at = put(text);
                                if (was != VAULT_NONE)
                                        record_store_drop(&vault, was);
                        }
                }
                usleep((useconds_t)(2000 + round * 37 % 900));
                kill(pid, SIGKILL);
                waitpid(pid, NULL, 0);
                open_it();
                uint32_t tag, next = 0, at;
                while ((at = record_store_find(&vault, next, &tag, &next)) != VAULT_NONE) {
                        const char *text = look(at);
                        cr_assert_eq(strlen(text), 90);
                        cr_assert_eq(strspn(text, (char[]){ text[0], 0 }), 90, "mixed: %s", text);
                }
                record_store_remove(&vault);
        }
        open_it();
}
