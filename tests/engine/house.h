/* A whole supervisor over a made-up kernel and a made-up configuration, for tests of engine/. */
#ifndef TESTS_ENGINE_HOUSE_H
#define TESTS_ENGINE_HOUSE_H

#include "../fakes/kernel.h"
#include "../fakes/world.h"
#include "engine/core/supervisor.h"
#include "engine/order/orders.h"
#include "engine/order/shutdown.h"
#include "engine/run/reaper.h"

struct house {
        struct supervisor sup;
        struct fake_kernel kernel;
        struct fake_world host;
        struct log log;
        struct buf lines;  /* of the main log: "INFO text\n" */
        struct buf events; /* "name:FROM>TO " for each change that people see */
        struct subscriber ear;
        int ended; /* how often on_end was called */
};

/* Programs are `body`, below a [supervisord] section with `daemon`'s keys. Every command is /bin/w.
 * Aborts the test when the configuration is refused. */
void house_open(struct house *h, const char *daemon, const char *body);
void house_begin(struct house *h);
void house_rewrite(struct house *h, const char *daemon, const char *body); /* the file only */
void house_close(struct house *h);

struct process *house_process(struct house *h,
                              const char *namespec);            /* aborts when there is none */
const char *house_state(struct house *h, const char *namespec); /* "RUNNING"; "-": no such */
/* The worker ends with this wait status, and the supervisor sees it. */
void house_end(struct house *h, const char *namespec, int status);
/* So many milliseconds later, as far as deadlines are concerned. */
void house_later(struct house *h, int64_t ms);
void house_settle(struct house *h); /* what the loop does before it waits */
bool house_said(struct house *h, const char *text);

#endif
