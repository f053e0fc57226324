/* A loop, a directory of its own, and a subscriber that records the news. */
#ifndef TESTS_LOGS_RIG_H
#define TESTS_LOGS_RIG_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>

#include "../fakes/kernel.h"
#include "base/buf.h"
#include "base/err.h"
#include "logs/logs.h"

struct rig {
        char dir[64];
        struct ev_loop *loop;
        struct fake_kernel kernel;
        struct logs *logs;
        struct log log;
        struct buf logged; /* the main log: "<level> <text>\n" */
        struct buf text[3];
        int texts[3]; /* by kind */
        int finished, troubles, recoveries, failures, attached;
        uint64_t dropped; /* as told */
        char detail[512];
        struct stream *free_in_text, *free_in_finish, *free_in_trouble; /* the news free this one */
        size_t take_most; /* of what is shown; 0: all of it */
        struct err err;
};

void rig_open(struct rig *r, bool fake);          /* fake: on the fake kernel, which copies */
void rig_open_on(struct rig *r, struct sys *sys); /* or on this kernel */
void rig_renew(struct rig *r);                    /* the next daemon, on the fake kernel */
void rig_close(struct rig *r);                    /* removes the directory */

/* A path in the directory; four at a time. */
const char *rig_path(struct rig *r, const char *name);
/* The file's content; "" when missing. Caller frees with free. */
char *rig_read(struct rig *r, const char *name, size_t *len_out);
bool rig_holds(struct rig *r, const char *name, const char *text);
void rig_write(struct rig *r, const char *name, const char *text);

/* A pipe whose reading end the stream has; returns the writing end, non-blocking. */
int rig_attach(struct rig *r, struct stream *s);
void rig_say(int fd, const char *text);

/* Let the loop do what there is to do now. */
void rig_settle(struct rig *r);
/* Run until the condition holds, at most some seconds. */
bool rig_until(struct rig *r, bool (*holds)(struct rig *r));
/* Whether anything is being waited for. */
bool rig_idle(struct rig *r);

struct stream *rig_stream(struct rig *r, const struct stream_conf *conf);
/* The ledger adds up. */
void rig_check(const struct stream *s);

#endif
