/* What one thread asks of another: messages, run in the order in which they were sent, by the
 * receiver's loop. The only thing that the two threads share. */
#ifndef BASE_MAILBOX_H
#define BASE_MAILBOX_H

#include <ev.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

/* First member of whatever is sent. `run` is called by the receiver, owns the memory from then on,
 * and may send it on. */
struct mail {
        struct mail *next;
        void (*run)(struct mail *m);
};

struct mailbox {
        pthread_mutex_t lock; /* of the list; held for some instructions only */
        struct mail *first, **end;
        bool running;         /* what was taken out of the list: the receiver's */
        struct mail *taken;   /* of that, what has not yet been run; the receiver's */
        struct ev_loop *loop; /* the receiver's; borrowed */
        ev_async wake;
        unsigned sent;              /* messages so far; of one that sends alone, under the lock */
        atomic_uint run;            /* of these */
        void (*on_sent)(void *arg); /* the sender's, behind each message; NULL: none */
        void *on_sent_arg;
};

/* To be called while the receiver's loop does not run, or from within it. An open box does not keep
 * its loop from ending: whose loop has nothing else takes care of that. */
void mailbox_open(struct mailbox *box, struct ev_loop *loop);
void mailbox_close(struct mailbox *box); /* what is left in it is run */
/* Where there is no receiver (box NULL, zeroed, or closed), the message is run at once. */
void mailbox_send(struct mailbox *box, struct mail *m);
void mailbox_run(struct mailbox *box);      /* what has come so far, now */
bool mailbox_is_empty(struct mailbox *box); /* by the receiver: nothing is left, or being run */
/* For the only sender: the first `count` messages have been run. */
bool mailbox_has_run(const struct mailbox *box, unsigned count);

#endif
