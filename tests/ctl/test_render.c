#include <criterion/criterion.h>

#include "ctl/commands/event_line.h"
#include "ctl/render/progress.h"
#include "ctl/render/render.h"
#include "fake_daemon.h"

Test(render, gives_status_the_columns_of_supervisor)
{
        const struct status_row row = { "web:w1", "STOPPED", "Not started", NULL };
        AUTO_BUF out = BUF_INIT;

        cr_expect_eq(status_width(&row, 1), 33);
        status_line(&out, &row, 33, false);
        cr_expect_str_eq(buf_str(&out), "web:w1                           STOPPED   Not started\n");
}

Test(render, keeps_the_blanks_in_front_of_an_empty_description)
{
        const struct status_row row = { "a", "STARTING", "", NULL };
        AUTO_BUF out = BUF_INIT;

        status_line(&out, &row, 33, false);
        cr_expect_str_eq(buf_str(&out), "a                                STARTING  \n");
}

Test(render, counts_characters_and_not_bytes)
{
        const struct status_row row = { "\xc3\xa9\xe2\x82\xac", "STOPPED", "Not started", NULL };
        const char *const words[] = { "\xc3\xa9", "b", "c", "d" };
        struct table t = { .columns = 2 };
        AUTO_BUF out = BUF_INIT;

        cr_expect_eq(status_width(&row, 1), 33);
        status_line(&out, &row, 5, false);
        cr_expect_str_eq(buf_str(&out), "\xc3\xa9\xe2\x82\xac   STOPPED   Not started\n");
        buf_reset(&out);
        columns_put(&out, words, 4, 4);
        cr_expect_str_eq(buf_str(&out), "\xc3\xa9  c\nb  d\n");
        buf_reset(&out);
        cr_assert(table_add(&t, "\xc3\xa9") && table_add(&t, "1") && table_add(&t, "bb") &&
                  table_add(&t, "2"));
        table_put(&out, &t, -1);
        cr_expect_str_eq(buf_str(&out), "\xc3\xa9   1\nbb  2\n");
        strlist_release(&t.cells);
}

Test(render, widens_the_first_column_for_long_names)
{
        const struct status_row rows[] = { { "a", "RUNNING", "", NULL },
                                           { "a_name_of_more_than_thirty_characters", "FATAL", "",
                                             NULL } };

        cr_expect_eq(status_width(rows, 2), 37 + 3);
}

Test(render, pads_coloured_words_as_if_they_were_plain)
{
        const struct status_row row = { "a", "FATAL", "x", NULL };
        AUTO_BUF out = BUF_INIT;

        status_line(&out, &row, 33, true);
        cr_expect_str_eq(buf_str(&out),
                         "a                                \033[31mFATAL\033[0m     x\n");
}

Test(render, says_when_the_next_start_comes_and_why)
{
        json_t *p = json_pack("{s:s, s:s, s:s}", "next_start_at", "2026-11-20T05:22:10.500Z",
                              "next_start_why", "failed start 3 of 10", "health", "none");
        int64_t now = stamp_parse("2026-11-20T05:22:00.000Z");
        AUTO_BUF out = BUF_INIT;

        status_detail(&out, p, 2, now);
        cr_expect_str_eq(buf_str(&out), "            next start in 11s: failed start 3 of 10\n");
        json_decref(p);
}

Test(render, says_what_a_start_waits_for)
{
        json_t *p = json_pack("{s:n, s:s, s:s}", "next_start_at", "next_start_why",
                              "waits for db:healthy", "health", "unhealthy");
        AUTO_BUF out = BUF_INIT;

        status_detail(&out, p, 0, 0);
        cr_expect_str_eq(buf_str(&out),
                         "          waits: waits for db:healthy; health: unhealthy\n");
        json_decref(p);
}

Test(render, says_what_the_last_check_said_when_it_failed)
{
        json_t *p = json_pack("{s:n, s:n, s:s, s:{s:b, s:s}}", "next_start_at", "next_start_why",
                              "health", "unhealthy", "healthcheck", "last_ok", 0, "output",
                              "connect to localhost:1:\033[31m Connection refused\nmore");
        AUTO_BUF out = BUF_INIT;

        status_detail(&out, p, 0, 0);
        cr_expect_str_eq(buf_str(&out), "          health: unhealthy, connect to localhost:1:?[31m "
                                        "Connection refused\n");
        json_decref(p);
}

Test(render, says_what_keeps_output_from_its_log)
{
        json_t *p = json_pack("{s:n, s:n, s:s, s:s}", "next_start_at", "next_start_why", "health",
                              "healthy", "log_error", "stdout: write /x: No space left on device");
        AUTO_BUF out = BUF_INIT;

        status_detail(&out, p, 0, 0);
        cr_expect_str_eq(buf_str(&out),
                         "          log of stdout: write /x: No space left on device\n");
        json_decref(p);
}

Test(render, adds_no_detail_where_there_is_none)
{
        json_t *p =
            json_pack("{s:n, s:n, s:s}", "next_start_at", "next_start_why", "health", "healthy");
        AUTO_BUF out = BUF_INIT;

        status_detail(&out, p, 0, 0);
        status_detail(&out, NULL, 0, 0);
        cr_expect_eq(out.len, 0);
        json_decref(p);
}

Test(render, lays_out_words_down_the_columns)
{
        static const char *const words[] = { "add",      "avail",  "clear",   "exit",     "fg",
                                             "maintail", "open",   "pid",     "quit",     "reload",
                                             "remove",   "reread", "restart", "shutdown", "signal",
                                             "start",    "status", "stop",    "tail",     "update",
                                             "version" };
        AUTO_BUF out = BUF_INIT;

        columns_put(&out, words, 21, 79);
        cr_expect_str_eq(buf_str(&out),
                         "add    exit      open  reload  restart   start   tail   \n"
                         "avail  fg        pid   remove  shutdown  status  update \n"
                         "clear  maintail  quit  reread  signal    stop    version\n");
}

Test(render, puts_what_fits_into_one_row)
{
        static const char *const words[] = { "a", "bb" };
        AUTO_BUF out = BUF_INIT;

        columns_put(&out, words, 2, 79);
        cr_expect_str_eq(buf_str(&out), "a  bb\n");
        buf_reset(&out);
        columns_put(&out, words, 2, 1);
        cr_expect_str_eq(buf_str(&out), "a \nbb\n");
}

Test(render, aligns_tables_and_leaves_no_blank_at_the_end)
{
        struct table t = { .columns = 3 };
        AUTO_BUF out = BUF_INIT;

        table_add(&t, "restart"), table_add(&t, "web"), table_add(&t, "command changed");
        table_add(&t, "stop"), table_add(&t, "longer"), table_add(&t, "");
        table_put(&out, &t, -1);
        cr_expect_str_eq(buf_str(&out), "restart  web     command changed\n"
                                        "stop     longer\n");
        strlist_release(&t.cells);
}

Test(render, writes_ages_for_people)
{
        static const struct {
                int64_t seconds;
                const char *text;
        } rows[] = { { 0, "0s" },
                     { 59, "59s" },
                     { 200, "3m 20s" },
                     { 7500, "2h 5m" },
                     { 273600, "3d 4h" } };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                AUTO_BUF out = BUF_INIT;
                age_put(&out, rows[i].seconds);
                cr_expect_str_eq(buf_str(&out), rows[i].text);
        }
}

Test(render, reads_time_stamps)
{
        cr_expect_eq(stamp_parse("1970-01-01T00:00:01.250Z"), 1250);
        cr_expect_eq(stamp_parse("1970-01-01T00:01:00Z"), 60000);
        cr_expect_eq(stamp_parse(""), -1);
        cr_expect_eq(stamp_parse("1970-01-01T00:01:00"), -1);
        cr_expect_eq(stamp_parse("yesterday"), -1);
}

Test(render, uses_colour_on_terminals_that_want_it)
{
        cr_expect(colour_wanted(true, NULL, "xterm"));
        cr_expect(colour_wanted(true, "", "xterm"));
        cr_expect_not(colour_wanted(false, NULL, "xterm"));
        cr_expect_not(colour_wanted(true, "1", "xterm"));
        cr_expect_not(colour_wanted(true, NULL, "dumb"));
        cr_expect_not(colour_wanted(true, NULL, NULL));
}

Test(render, says_for_what_a_command_waits)
{
        json_t *list =
            json_loads("[" PROCESS("a", "a", 40, "STOPPING", "") "," PROCESS(
                           "bad", "bad", 30, "BACKOFF",
                           "") "," PROCESS("web", "w1", 40, "STOPPING",
                                           "") "," PROCESS("web", "w2", 0, "STOPPED", "") "]",
                       0, NULL);
        AUTO_STRLIST words = STRLIST_INIT;
        AUTO_BUF out = BUF_INIT;

        cr_assert_not_null(list);
        cr_expect_not(progress_line(&out, list, &words), "none was asked for");
        strlist_add(&words, "web:*");
        cr_expect(progress_line(&out, list, &words));
        cr_expect_str_eq(buf_str(&out), "waiting for web:w1 (STOPPING)");
        strlist_add(&words, "all");
        buf_reset(&out);
        cr_expect(progress_line(&out, list, &words));
        cr_expect_str_eq(buf_str(&out), "waiting for a (STOPPING) and 2 more");
        json_decref(list);
}

Test(render, says_that_a_command_waits_for_a_name_and_not_for_what_it_matches)
{
        json_t *list = json_loads("[" PROCESS("wx", "wx", 40, "STOPPING",
                                              "") "," PROCESS("w?", "w?", 40, "STOPPING", "") "]",
                                  0, NULL);
        AUTO_STRLIST words = STRLIST_INIT;
        AUTO_BUF out = BUF_INIT;

        cr_assert_not_null(list);
        strlist_add(&words, "w?");
        cr_expect(progress_line(&out, list, &words));
        cr_expect_str_eq(buf_str(&out), "waiting for w? (STOPPING)");
        json_decref(list);
}

Test(render, writes_an_event_as_one_line)
{
        json_t *event =
            json_loads("{\"seq\":1,\"at\":\"bad\",\"type\":\"process.state\",\"name\":"
                       "\"web:web_00\",\"from\":\"RUNNING\",\"to\":\"EXITED\",\"pid\":7,"
                       "\"exit\":{\"text\":\"exit status 7\"},\"tries\":null,"
                       "\"output\":\"two\\nlines\"}",
                       0, NULL);
        AUTO_BUF out = BUF_INIT;

        cr_assert_not_null(event);
        event_line_put(&out, event);
        cr_expect_str_eq(buf_str(&out), "-  process.state  web:web_00  RUNNING -> EXITED  pid=7  "
                                        "exit=exit status 7  output=two lines");
        json_decref(event);
}
