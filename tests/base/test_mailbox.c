#include <criterion/criterion.h>
#include <ev.h>
#include <stdio.h>
#include <string.h>

#include "base/mailbox.h"

struct letter {
        struct mail mail; /* first */
        char name;
        struct mailbox *box; /* where the next one is sent; NULL: nowhere */
        struct letter *then;
};

static char ran[64];

static void note(struct mail *m)
{
        struct letter *l = (struct letter *)m;

        snprintf(ran + strlen(ran), sizeof ran - strlen(ran), "%c", l->name);
        if (l->then)
                mailbox_send(l->box, &l->then->mail);
}

Test(mailbox, runs_in_the_order_of_sending)
{
        struct ev_loop *loop = ev_loop_new(EVFLAG_NOENV);
        struct mailbox box;
        struct letter c = { { NULL, note }, 'c', NULL, NULL };
        struct letter a = { { NULL, note }, 'a', &box, &c },
                      b = { { NULL, note }, 'b', NULL, NULL };

        mailbox_open(&box, loop);
        mailbox_send(&box, &a.mail);
        mailbox_send(&box, &b.mail);
        cr_expect_str_eq(ran, "");
        cr_expect_not(mailbox_is_empty(&box));
        mailbox_run(&box);
        mailbox_run(&box);
        cr_expect_str_eq(ran, "abc");
        cr_expect(mailbox_is_empty(&box) && mailbox_has_run(&box, 3));
        mailbox_close(&box);
        ev_loop_destroy(loop);
}

Test(mailbox, runs_what_is_left_when_it_is_closed)
{
        struct ev_loop *loop = ev_loop_new(EVFLAG_NOENV);
        struct mailbox box;
        struct letter b = { { NULL, note }, 'b', NULL, NULL };
        struct letter a = { { NULL, note }, 'a', &box, &b };

        mailbox_open(&box, loop);
        mailbox_send(&box, &a.mail);
        mailbox_close(&box);
        cr_expect_str_eq(ran, "ab");
        ev_loop_destroy(loop);
}

Test(mailbox, runs_at_once_where_nothing_receives)
{
        struct ev_loop *loop = ev_loop_new(EVFLAG_NOENV);
        struct mailbox box = { 0 };
        struct letter b = { { NULL, note }, 'b', NULL, NULL };
        struct letter a = { { NULL, note }, 'a', &box, &b };

        mailbox_send(&box, &a.mail);
        cr_expect_str_eq(ran, "ab", "before it is opened");
        mailbox_open(&box, loop);
        mailbox_close(&box);
        mailbox_send(&box, &b.mail);
        cr_expect_str_eq(ran, "abb", "after it was closed");
        mailbox_send(NULL, &b.mail);
        cr_expect_str_eq(ran, "abbb", "without one");
        ev_loop_destroy(loop);
}
