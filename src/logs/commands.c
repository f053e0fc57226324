/* What the part as a whole is asked for, beside its streams. Done by the thread that owns the
 * files, in the order of asking. */
#include "logs/commands.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "logs/syslog/to_syslog.h"
#include "logs/thread.h"

struct log_command {
        struct mail mail; /* first */
        struct logs *logs;
        const char *second; /* behind the first text */
        int claims;         /* owned: the descriptor of AUTO logs that are claimed; -1: none */
        char first[];
};

static void commands_send(struct logs *l, void (*run)(struct mail *), const char *first,
                          const char *second, int claims, const char *otherwise)
{
        size_t a = strlen(first) + 1, b = strlen(second) + 1;
        struct log_command *o = malloc(sizeof *o + a + b);

        if (!o) {
                fd_close(&claims);
                if (otherwise)
                        log_line(l->log, LVL_CRITICAL, "out of memory: %s", otherwise);
                return;
        }
        *o = (struct log_command){
                .mail = { NULL, run }, .logs = l, .second = o->first + a, .claims = claims
        };
        memcpy(o->first, first, a);
        memcpy(o->first + a, second, b);
        mailbox_send(&l->worker.inbox, &o->mail);
}

static void core_move(struct mail *m)
{
        struct log_command *o = (struct log_command *)m;
        struct core *core = o->logs->core;

        if (!core_syslog_socket(core, o->first))
                log_line(core->log, LVL_CRITICAL, "out of memory: syslog stays where it was");
        free(o);
}

void logs_syslog_socket(struct logs *l, const char *path)
{
        commands_send(l, core_move, path, "", -1, "syslog stays where it was");
}

static void core_clean(struct mail *m)
{
        struct log_command *o = (struct log_command *)m;

        struct auto_claims ours = { .fd = o->claims, .dir = o->claims < 0 ? NULL : o->first };

        logs_clean_auto(o->first, o->second, NULL, &ours, o->logs->core->log);
        fd_close(&o->claims);
        free(o);
}

/* The descriptor is another one of the same locks. */
void logs_clean(struct logs *l, const char *childlogdir, const char *identifier,
                const struct auto_claims *ours)
{
        bool same = ours->dir && strcmp(ours->dir, childlogdir) == 0;
        int claims = same ? fcntl(ours->fd, F_DUPFD_CLOEXEC, 3) : -1;

        commands_send(l, core_clean, childlogdir, identifier, claims, "old logs are not removed");
}
