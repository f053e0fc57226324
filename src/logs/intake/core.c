/* The core of the part: made, with the calls upward, and ended. */
#include "logs/intake/core.h"

#include <stdlib.h>

#include "logs/intake/capture.h"
#include "logs/intake/persistent_ledger.h"
#include "logs/spool/recover.h"
#include "logs/spool/spooled.h"
#include "logs/store/rename_seq.h"
#include "logs/store/writer.h"
#include "logs/syslog/to_syslog.h"

static const struct core_calls core_calls = { .on_left = channel_left,
                                              .on_writable = channel_resume,
                                              .on_turn = pipe_visit,
                                              .on_aim = spooled_aim };

struct core *core_new(struct ev_loop *loop, struct sys *sys, struct log *log,
                      const struct logs_news *news)
{
        struct core *core = calloc(1, sizeof *core);

        if (!core)
                return NULL;
        *core = (struct core){ .loop = loop,
                               .sys = sys,
                               .log = log,
                               .calls = &core_calls,
                               .news = *news,
                               .scratch = SCRATCH_NONE,
                               .nap = NAP_NONE,
                               .moves = rename_seq_new(),
                               .real = !sys->arg };
        if (!core->moves) {
                free(core);
                return NULL;
        }
        return core;
}

void core_free(struct core *core)
{
        if (!core)
                return;
        batch_timer_close(core);
        drops_stop(core);
        recovery_free(core);
        gzip_release(core);
        writers_free(core);
        ev_timer_stop(core->loop, &core->retry);
        persistent_ledger_free(core->ledgers);
        rename_seq_drop(core->moves);
        syslog_release(core);
        scratch_release(&core->scratch);
        free(core->chunk);
        free(core);
}
