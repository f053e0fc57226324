#include "model/unit/listener_proto.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Everything that happens, as letters: R ready, O ok, F fail, L bad line, X broke,
 * M made before. */
static void feed(struct listener_proto *lp, const char *data, size_t len, char *out)
{
        static const char letters[] = {
                [LISTENER_IS_READY] = 'R', [LISTENER_OK] = 'O',    [LISTENER_FAIL] = 'F',
                [LISTENER_BAD_LINE] = 'L', [LISTENER_BROKE] = 'X', [LISTENER_REPEATED] = 'M'
        };
        enum listener_news news;

        while ((news = listener_proto_feed(lp, &data, &len)) != LISTENER_QUIET) {
                size_t n = strlen(out);
                out[n] = letters[news];
                out[n + 1] = '\0';
        }
        cr_assert_eq(len, 0);
}

static void says(struct listener_proto *lp, const char *text, const char *happens)
{
        char whole[64] = "", pieces[64] = "";
        struct listener_proto copy = *lp;

        feed(lp, text, strlen(text), whole);
        cr_expect_str_eq(whole, happens, "'%s': %s instead of %s", text, whole, happens);
        for (const char *c = text; *c; c++)
                feed(&copy, c, 1, pieces);
        cr_expect_str_eq(pieces, happens, "'%s' by single bytes: %s instead of %s", text, pieces,
                         happens);
        cr_expect_eq(copy.state, lp->state);
}

static struct listener_proto busy(void)
{
        struct listener_proto lp;

        listener_proto_begin(&lp);
        says(&lp, "READY\n", "R");
        listener_proto_sent(&lp);
        return lp;
}

Test(listener_proto, begins_acknowledged)
{
        struct listener_proto lp;

        listener_proto_begin(&lp);
        cr_expect_eq(lp.state, LISTENER_ACKNOWLEDGED);
        says(&lp, "READ", "");
        cr_expect_eq(lp.state, LISTENER_ACKNOWLEDGED);
        says(&lp, "Y\n", "R");
        cr_expect_eq(lp.state, LISTENER_READY);
}

Test(listener_proto, takes_nothing_but_the_exact_token)
{
        static const char *const wrong[] = { "HELLO\n",  "ready\n",  "READY\r\n", "\nREADY\n",
                                             " READY\n", "READY \n", "RREADY\n" };

        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
                struct listener_proto lp;
                listener_proto_begin(&lp);
                says(&lp, wrong[i], "X");
                cr_expect_eq(lp.state, LISTENER_UNKNOWN);
        }
}

Test(listener_proto, allows_no_output_while_ready)
{
        struct listener_proto lp;

        listener_proto_begin(&lp);
        says(&lp, "READY\nREADY\n", "RX");
        cr_expect_eq(lp.state, LISTENER_UNKNOWN);
}

Test(listener_proto, swallows_everything_once_unknown)
{
        struct listener_proto lp;

        listener_proto_begin(&lp);
        says(&lp, "x", "X");
        says(&lp, "READY\nRESULT 2\nOK", "");
}

Test(listener_proto, reads_a_result_and_goes_on_to_the_next_ready)
{
        struct listener_proto lp = busy();

        says(&lp, "RESULT 2\nOKREADY\n", "OR");
        listener_proto_sent(&lp);
        says(&lp, "RESULT 4\nFAILREADY\n", "FR");
}

Test(listener_proto, calls_anything_but_ok_a_rejection)
{
        static const struct {
                const char *text, *happens;
        } cases[] = {
                { "RESULT 5\nMAYBE", "F" }, { "RESULT 2\nok", "F" }, { "RESULT 3\nOK\n", "F" },
                { "RESULT 1\nO", "F" },     { "RESULT 0\n", "F" },   { "RESULT 4\nOKOK", "F" },
                { "RESULT 2\nO\n", "F" },   { "RESULT 2\nOK", "O" }, { "RESULT 02\nOK", "O" },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct listener_proto lp = busy();
                says(&lp, cases[i].text, cases[i].happens);
                cr_expect_eq(lp.state, LISTENER_ACKNOWLEDGED);
        }
}

Test(listener_proto, reads_lengths_as_python_does)
{
        static const char *const lengths[] = { "2", " 2", "2 ", "+2", "2\r", "\t2" };

        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
                struct listener_proto lp = busy();
                char text[32];
                snprintf(text, sizeof text, "RESULT %s\nOK", lengths[i]);
                says(&lp, text, "O");
        }
}

Test(listener_proto, names_a_bad_result_line)
{
        static const char *const lines[] = { "WHAT IS THIS", "RESULT",     "RESULT ",
                                             "RESULT x",     "RESULT 2 3", "RESULT -1",
                                             "RESULTS 2",    "READY",      "",
                                             "RESULT 0x2",   "result 2" };

        for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
                struct listener_proto lp = busy();
                char text[32];
                snprintf(text, sizeof text, "%s\n", lines[i]);
                says(&lp, text, "L");
                cr_expect_eq(lp.state, LISTENER_UNKNOWN);
                cr_expect_str_eq(lp.line, lines[i]);
        }
}

Test(listener_proto, does_not_wait_for_the_end_of_an_endless_line)
{
        struct listener_proto lp = busy();
        char text[4000], happens[8] = "";

        memset(text, 'x', sizeof text);
        feed(&lp, text, sizeof text, happens);
        cr_expect_str_eq(happens, "L");
        cr_expect_eq(strlen(lp.line), LISTENER_LINE_MAX);
}

Test(listener_proto, refuses_a_nul_in_the_line)
{
        struct listener_proto lp = busy();
        char happens[8] = "";

        feed(&lp, "RESULT 2\0junk\n", 14, happens);
        cr_expect_str_eq(happens, "L");
}

Test(listener_proto, bounds_the_body)
{
        struct listener_proto lp = busy();
        char text[64];

        snprintf(text, sizeof text, "RESULT %u\n", LISTENER_RESULT_MAX + 1);
        says(&lp, text, "X");
        lp = busy();
        says(&lp, "RESULT 99999999999999999999999999999999999999\n", "X");
}

Test(listener_proto, takes_a_body_up_to_the_bound)
{
        struct listener_proto lp = busy();
        char line[64], happens[8] = "";
        char *body = malloc(LISTENER_RESULT_MAX);

        cr_assert(body);
        memset(body, 'k', LISTENER_RESULT_MAX);
        snprintf(line, sizeof line, "RESULT %u\n", LISTENER_RESULT_MAX);
        feed(&lp, line, strlen(line), happens);
        feed(&lp, body, LISTENER_RESULT_MAX - 1, happens);
        cr_expect_str_eq(happens, "");
        feed(&lp, body, 1, happens);
        cr_expect_str_eq(happens, "F");
        free(body);
}

static struct listener_proto resumed(enum listener_state state)
{
        return (struct listener_proto){ .state = state, .unsure = true };
}

Test(listener_proto, after_a_kill_the_first_message_may_be_one_that_was_acted_on)
{
        struct listener_proto lp = resumed(LISTENER_ACKNOWLEDGED);

        says(&lp, "RESULT 2\nOKREADY\n", "MR");
        lp = resumed(LISTENER_READY);
        says(&lp, "READY\n", "M");
        cr_expect_eq(lp.state, LISTENER_READY);
        lp = resumed(LISTENER_BUSY);
        says(&lp, "READY\nRESULT 2\nOKREADY\n", "MOR");
        lp = resumed(LISTENER_READY);
        listener_proto_sent(&lp);
        says(&lp, "READY\nRESULT 4\nFAIL", "MF");
}

Test(listener_proto, after_a_kill_a_message_that_is_none_is_none)
{
        struct listener_proto lp = resumed(LISTENER_ACKNOWLEDGED);

        says(&lp, "OKREADY\n", "L");
        lp = resumed(LISTENER_READY);
        says(&lp, "RESULT 2\nOK", "X");
        lp = resumed(LISTENER_BUSY);
        says(&lp, "READY\nREADY\n", "ML");
        lp = resumed(LISTENER_ACKNOWLEDGED);
        says(&lp, "RESULT 2\nOKRESULT 2\nOK", "MX");
}

Test(listener_proto, after_a_kill_it_may_go_on_as_usual)
{
        struct listener_proto lp = resumed(LISTENER_BUSY);

        says(&lp, "RESULT 2\nOKREADY\n", "OR");
        lp = resumed(LISTENER_ACKNOWLEDGED);
        says(&lp, "READY\n", "R");
        listener_proto_sent(&lp);
        says(&lp, "READY\n", "L");
}

Test(listener_proto, knows_whether_it_is_inside_of_a_message)
{
        static const char text[] = "READY\nRESULT 2\nOK";
        struct listener_proto lp;

        listener_proto_begin(&lp);
        for (size_t i = 0; i < sizeof text - 1; i++) {
                char happens[8] = "";
                feed(&lp, text + i, 1, happens);
                cr_expect_eq(listener_proto_is_inside(&lp), !*happens, "%zu", i);
                if (*happens == 'R')
                        listener_proto_sent(&lp);
        }
}

Test(listener_proto, has_supervisors_words_for_its_states)
{
        cr_expect_str_eq(listener_state_name(LISTENER_ACKNOWLEDGED), "ACKNOWLEDGED");
        cr_expect_str_eq(listener_state_name(LISTENER_READY), "READY");
        cr_expect_str_eq(listener_state_name(LISTENER_BUSY), "BUSY");
        cr_expect_str_eq(listener_state_name(LISTENER_UNKNOWN), "UNKNOWN");
}

Test(listener_proto, pauses_longer_and_longer_while_everything_is_refused)
{
        static const int64_t pauses[] = { 0,    0,     500,   1000,  2000, 4000,
                                          8000, 16000, 32000, 60000, 60000 };

        for (unsigned i = 0; i < sizeof pauses / sizeof *pauses; i++)
                cr_expect_eq(listener_pause_ms(i), pauses[i], "after %u", i);
        cr_expect_eq(listener_pause_ms(4000000000u), 60000);
}

Test(listener_proto, hands_out_the_body_of_each_result)
{
        AUTO_BUF body = BUF_INIT;
        struct listener_proto lp = busy();
        char happens[64] = "";

        lp.body = &body;
        feed(&lp, "RESULT 9\none\ntwo", 16, happens);
        cr_expect_str_eq(happens, "");
        feed(&lp, "\n!RE", 4, happens);
        cr_expect_str_eq(happens, "F");
        cr_expect_str_eq(buf_str(&body), "one\ntwo\n!");
        feed(&lp, "ADY\n", 4, happens);
        listener_proto_sent(&lp);
        feed(&lp, "RESULT 0\n", 9, happens);
        cr_expect_str_eq(happens, "FRF");
        cr_expect_str_eq(buf_str(&body), "", "that of the one before has gone");
}

static void prints(const char *body, const char *wanted)
{
        AUTO_BUF out = BUF_INIT;

        listener_stdout_text(body, strlen(body), &out);
        cr_expect_str_eq(buf_str(&out), wanted);
}

Test(listener_proto, prints_a_log_event_with_its_process_and_channel)
{
        prints("processname:web groupname:g pid:7 channel:stdout\none\ntwo\n",
               "web stdout | one\nweb stdout | two\n");
        prints("processname:web groupname:g pid:7 channel:stderr\nno end", "web stderr | no end\n");
        prints("processname:web groupname:g pid:7 channel:stdout\n", "");
        prints("channel:stdout processname:a:b\n\n\nx",
               "a:b stdout | \na:b stdout | \na:b stdout | x\n");
}

Test(listener_proto, prints_any_other_text_as_it_is)
{
        prints("", "");
        prints("hello", "hello\n");
        prints("two\nlines\n", "two\nlines\n");
        prints("processname: channel:stdout\nx\n", "processname: channel:stdout\nx\n");
        prints("xprocessname:web channel:stdout\nx\n", "xprocessname:web channel:stdout\nx\n");
        prints("processname:web channel\nx\n", "processname:web channel\nx\n");
}
