/* What is done to text on its way: capture, escapes, events, copies (compat 15, 15.1). */
#include <sys/ioctl.h>

#include "../../src/logs/thread.h"
#include "subject.h"

TestSuite(text, .init = setup, .fini = teardown);
TestSuite(text_copying, .init = setup_fake, .fini = teardown);

#define BEGIN "<!--XSUPERVISOR:BEGIN-->"
#define END   "<!--XSUPERVISOR:END-->"

static struct stream_conf capturing(size_t max)
{
        struct stream_conf c = conf_for("o");

        c.capture_maxbytes = (int64_t)max;
        c.events_enabled = true;
        return c;
}

Test(text, keeps_captured_text_out_of_the_file)
{
        make(capturing(1000));
        int fd = rig_attach(&rig, s);
        const char *text = "x" BEGIN "one" END "y" BEGIN "two" END "z\n";
        for (const char *c = text; *c; c++) {
                cr_assert_eq(write(fd, c, 1), 1);
                rig_settle(&rig);
        }
        cr_expect(rig_holds(&rig, "o", "xyz\n"));
        cr_expect_str_eq(buf_str(&rig.text[TEXT_COMM]), "onetwo");
        cr_expect_eq(rig.texts[TEXT_COMM], 2);
        cr_expect_str_eq(buf_str(&rig.text[TEXT_LOG]), "xoneytwoz\n");
        expect_ledger(4, 4, 0, 0);
        close(fd);
}

Test(text, does_not_delay_or_lose_short_output_while_capturing)
{
        make(capturing(1000));
        int fd = rig_attach(&rig, s);
        rig_say(fd, "short\n");
        rig_settle(&rig);
        cr_expect(rig_holds(&rig, "o", "short\n"));
        rig_say(fd, "a<b <!--XSUPER");
        rig_settle(&rig);
        cr_expect(rig_holds(&rig, "o", "short\na<b "));
        cr_expect_eq(rig.texts[TEXT_LOG], 2, "one event per chunk");
        stream_finish(s);
        cr_expect(rig_holds(&rig, "o", "short\na<b <!--XSUPER"));
        rig_say(fd, "<!--");
        close(fd);
        rig_settle(&rig);
        cr_expect(rig_holds(&rig, "o", "short\na<b <!--XSUPER<!--"));
}

Test(text, keeps_the_last_of_a_long_capture)
{
        make(capturing(4));
        int fd = rig_attach(&rig, s);
        rig_say(fd, BEGIN "0123456789");
        rig_settle(&rig);
        rig_say(fd, "abcdef" END);
        rig_settle(&rig);
        cr_expect_str_eq(buf_str(&rig.text[TEXT_COMM]), "cdef");
        rig_say(fd, BEGIN END);
        rig_settle(&rig);
        cr_expect_eq(rig.texts[TEXT_COMM], 2);
        rig_say(fd, BEGIN "lost");
        close(fd);
        rig_settle(&rig);
        cr_expect_eq(rig.texts[TEXT_COMM], 2);
        expect_ledger(4, 0, 4, 0);
}

Test(text, strips_escapes)
{
        struct stream_conf c = conf_for("o");

        c.strip_ansi = c.events_enabled = true;
        make(c);
        int fd = rig_attach(&rig, s);
        rig_say(fd, "\033[31mred\033[0m\n");
        rig_settle(&rig);
        cr_expect(rig_holds(&rig, "o", "red\n"));
        cr_expect_str_eq(buf_str(&rig.text[TEXT_LOG]), "red\n");
        rig_check(s);
        close(fd);
}

Test(text, hands_a_protocol_channel_every_chunk)
{
        struct stream_conf c = conf_for("o");

        c.tap = true;
        make(c);
        int fd = rig_attach(&rig, s);
        rig_say(fd, "READY\n");
        rig_settle(&rig);
        cr_expect_str_eq(buf_str(&rig.text[TEXT_RAW]), "READY\n");
        cr_expect(rig_holds(&rig, "o", "READY\n"));
        close(fd);
}

/* What its receiver has not done with is in the pipe, and shown once more. */
Test(text, takes_of_a_protocol_what_its_receiver_has_done_with)
{
        struct stream_conf c = conf_for("o");
        int left = 0;

        c.tap = true;
        make(c);
        int fd = rig_attach(&rig, s);
        rig.take_most = 6;
        rig_say(fd, "READY\nRESULT 2\nOK");
        rig_settle(&rig);
        cr_expect_str_eq(buf_str(&rig.text[TEXT_RAW]), "READY\nRESULT 2\nOK"
                                                       "RESULT 2\nOK"
                                                       " 2\nOK");
        cr_expect(rig_holds(&rig, "o", "READY\nRESULT 2\nOK"));
        cr_expect_eq(ioctl(fd, FIONREAD, &left), 0);
        cr_expect_eq(left, 0);
        close(fd);
}

Test(text_copying, keeps_a_protocol_going_while_the_disk_is_full)
{
        struct stream_conf c = conf_for("o");

        c.tap = true;
        make(c);
        int fd = rig_attach(&rig, s);
        kernel_fail(&rig.kernel, K_WRITE, 0, ENOSPC);
        rig_say(fd, "READY\n");
        rig_settle(&rig);
        rig_say(fd, "RESULT 2\nOK");
        rig_settle(&rig);
        cr_expect_str_eq(buf_str(&rig.text[TEXT_RAW]), "READY\nRESULT 2\nOK");
        kernel_mend(&rig.kernel, K_WRITE);
        cr_expect(rig_until(&rig, is_written));
        cr_expect(rig_holds(&rig, "o", "READY\nRESULT 2\nOK"));
        close(fd);
}

Test(text, copies_to_the_main_log_at_level_debug)
{
        make(conf_for("o"));
        int fd = rig_attach(&rig, s);
        rig_say(fd, "quiet\n");
        rig_settle(&rig);
        cr_expect_str_eq(buf_str(&rig.logged), "");
        rig.log.level = LVL_DEBUG;
        rig_say(fd, "chatter\n");
        rig_settle(&rig);
        cr_expect_str_eq(buf_str(&rig.logged), "DEBG 'p' stdout output:\nchatter\n\n");
        buf_reset(&rig.logged);
        rig_say(fd, "\xff\n");
        rig_settle(&rig);
        cr_expect_str_eq(buf_str(&rig.logged),
                         "DEBG 'p' stdout output:\nUndecodable: b'\\xff\\n'\n");
        cr_expect(rig_holds(&rig, "o", "quiet\nchatter\n\xff\n"));
        close(fd);
}
