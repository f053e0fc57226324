/* The ledger's count of rotations, whatever causes them and whatever changes meanwhile. */
#include "subject.h"

TestSuite(rotations, .init = setup, .fini = teardown);

static uint64_t rotations(void)
{
        stream_ledger(s, &led);
        return led.rotations;
}

static void say(int fd, const char *text)
{
        rig_say(fd, text);
        rig_settle(&rig);
}

Test(rotations, by_size_and_by_order_both_count)
{
        struct stream_conf c = conf_for("o");

        c.maxbytes = 5;
        c.backups = 9;
        make(c);
        int fd = rig_attach(&rig, s);
        say(fd, "12345\n");
        cr_expect_eq(rotations(), 1);
        say(fd, "x\n");
        stream_rotate(s);
        cr_expect_eq(rotations(), 2);
        close(fd);
}

Test(rotations, are_counted_over_live_changes)
{
        struct stream_conf c = conf_for("o"), other = conf_for("other");

        c.backups = other.backups = 9;
        make(c);
        int fd = rig_attach(&rig, s);
        say(fd, "x\n");
        stream_rotate(s);
        c.maxbytes = 5;
        cr_assert(stream_configure(s, &c, &rig.err));
        say(fd, "12345\n");
        cr_expect_eq(rotations(), 2);
        cr_assert(stream_configure(s, &other, &rig.err));
        cr_expect_eq(rotations(), 2, "those of one file are not the other's");
        say(fd, "y\n");
        stream_rotate(s);
        cr_assert(stream_configure(s, &c, &rig.err));
        say(fd, "12345\n");
        cr_expect_eq(rotations(), 4);
        close(fd);
}

Test(rotations, of_a_file_count_for_all_its_writers)
{
        struct stream_conf c = conf_for("o");
        struct stream_ledger second;

        c.backups = 9;
        make(c);
        struct stream *also = rig_stream(&rig, &c);
        int a = rig_attach(&rig, s);
        say(a, "x\n");
        stream_rotate(s);
        int b = rig_attach(&rig, also);
        say(a, "y\n");
        stream_rotate(s);
        say(b, "z\n");
        stream_ledger(also, &second);
        cr_expect_eq(rotations(), 2);
        cr_expect_eq(second.rotations, 1, "since it has it open");
        stream_free(also);
        close(a);
        close(b);
}

Test(rotations, of_a_file_that_is_not_open_count_too)
{
        struct stream_conf c = conf_for("o");

        c.backups = 9;
        make(c);
        rig_write(&rig, "o", "of yesterday\n");
        stream_rotate(s);
        cr_expect_eq(rotations(), 1);
}
