#include "model/config/cmdline.h"

#include <criterion/criterion.h>
#include <stdio.h>

/* One of each option that says something about the daemon, with a value where it takes one. */
static int say_everything(char **argv, int most)
{
        static char names[CMDLINE_OVERRIDES][32];
        int count = 0, said = 0;

        argv[count++] = (char *)"supervisord";
        for (const struct flag *f = daemon_flags; f->letter || f->name; f++) {
                if (!f->key || count + 2 >= most)
                        continue;
                snprintf(names[said], sizeof names[said], "--%s", f->name);
                argv[count++] = names[said++];
                if (f->value)
                        argv[count++] = (char *)"7";
        }
        argv[count] = NULL;
        return count;
}

Test(cmdline, another_image_is_told_what_this_one_was)
{
        struct cmdline said, again;
        struct err e = { 0 };
        char *argv[80];
        AUTO_STRLIST next = STRLIST_INIT;

        int count = say_everything(argv, 80);
        cr_assert(cmdline_parse(&said, count, argv, &e), "%s", e.text);
        cr_assert(
            cmdline_again("/new", false, "/a.conf", said.overrides, said.override_count, &next));
        cr_assert(cmdline_parse(&again, (int)next.count, next.items, &e), "%s", e.text);
        cr_expect_str_eq(again.config, "/a.conf");
        cr_expect_not(again.check);
        cr_assert_gt(said.override_count, 10);
        cr_assert_eq(again.override_count, said.override_count);
        for (int i = 0; i < said.override_count; i++) {
                cr_expect_str_eq(again.overrides[i].key, said.overrides[i].key);
                cr_expect_str_eq(again.overrides[i].value, said.overrides[i].value);
        }
}

Test(cmdline, another_image_may_be_told_to_check_only)
{
        struct cmdline again;
        struct err e = { 0 };
        AUTO_STRLIST next = STRLIST_INIT;

        cr_assert(cmdline_again("/new", true, "/a.conf", NULL, 0, &next));
        cr_assert(cmdline_parse(&again, (int)next.count, next.items, &e), "%s", e.text);
        cr_expect(again.check);
}
