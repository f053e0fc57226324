/* Gives pipes, pidfds and listening sockets to the service manager's descriptor store, and takes
 * them out again. Does nothing without a service manager; never waits for it. */
#include "engine/persist/fdstore.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/core/startup.h"
#include "engine/core/worker.h"
#include "engine/persist/state.h"
#include "engine/sockets/fcgi.h"
#include "engine/watch/service.h"
#include "sys/net/notify.h"
#include "sys/process/orphan.h"

struct fdstore {
        int socket; /* owned */
        bool told;  /* a failure was logged */
};

static struct fdstore *fdstore_own(const struct supervisor *s)
{
        return component_own(s, COMPONENT_fdstore);
}

void fdstore_open(struct supervisor *s)
{
        const char *path = service_variable(s->host, "NOTIFY_SOCKET");

        if (!path || !state_dir(s))
                return;
        struct fdstore *f = calloc(1, sizeof *f);
        if (f && (f->socket = notify_open(path)) >= 0) {
                component_set(s, COMPONENT_fdstore, f);
                return;
        }
        log_line(s->log, LVL_WARN, "cannot reach the service manager at %s: %s", path,
                 strerror(errno));
        free(f);
}

static void fdstore_release(struct supervisor *s)
{
        if (!fdstore_own(s))
                return;
        close(fdstore_own(s)->socket);
        free(fdstore_own(s));
        component_set(s, COMPONENT_fdstore, NULL);
}

/* After a pipe that it has. */
bool fdstore_name(const struct process *p, char out[GIVEN_NAME_MAX])
{
        const uint32_t *pipes = p->worker ? p->worker->mark.pipes : NULL;
        uint64_t inode = !pipes ? 0 : pipes[1] ? pipes[1] : pipes[2] ? pipes[2] : pipes[0];

        listen_fds_name(out, inode);
        return inode != 0;
}

static void put_named(struct supervisor *s, const char *name, const char *whose, const int *fds,
                      int count)
{
        AUTO_BUF text = BUF_INIT;

        /* FDPOLL=0: it is held just because it may have no writer any more. */
        buf_printf(&text, "FDSTORE=1\nFDNAME=%s\nFDPOLL=0\n", name);
        if (notify_put(fdstore_own(s)->socket, buf_str(&text), fds, count) || fdstore_own(s)->told)
                return;
        fdstore_own(s)->told = true;
        log_line(s->log, LVL_WARN, "the service manager does not keep descriptors of '%s': %s",
                 whose, strerror(errno));
}

static void fdstore_put(struct supervisor *s, const struct process *p, const int *fds, int count)
{
        char name[GIVEN_NAME_MAX];

        if (fdstore_own(s) && count > 0 && fdstore_name(p, name))
                put_named(s, name, p->name, fds, count);
}

void fdstore_pipes(struct supervisor *s, const struct process *p, const int fds[3])
{
        int have[3], count = 0;

        for (int i = 0; i < 3; i++)
                if (fds[i] >= 0)
                        have[count++] = fds[i];
        fdstore_put(s, p, have, count);
}

void fdstore_pid(struct supervisor *s, const struct process *p, pid_t pid)
{
        AUTO_FD fd = fdstore_own(s) ? s->sys->process->pidfd(s->sys, pid) : -1;

        if (fd >= 0)
                fdstore_put(s, p, &fd, 1);
}

static void fdstore_drop(struct supervisor *s, const char *name)
{
        AUTO_BUF text = BUF_INIT;

        buf_printf(&text, "FDSTOREREMOVE=1\nFDNAME=%s\n", name);
        (void)!notify_put(fdstore_own(s)->socket, buf_str(&text), NULL, 0); /* it is small */
}

void fdstore_forget(struct supervisor *s, const struct process *p)
{
        char name[GIVEN_NAME_MAX];

        if (fdstore_own(s) && fdstore_name(p, name))
                fdstore_drop(s, name);
}

void fdstore_socket(struct supervisor *s, const char *name, const char *url, int fd)
{
        if (fdstore_own(s))
                put_named(s, name, url, &fd, 1);
}

void fdstore_forget_socket(struct supervisor *s, const char *name)
{
        if (fdstore_own(s))
                fdstore_drop(s, name);
}

static bool list_used(const struct supervisor *s, struct strlist *out)
{
        const struct registry *r = &s->registry;

        for (int g = 0; g < r->group_count; g++)
                for (int i = 0; i < r->groups[g]->count; i++) {
                        const struct process *p = r->groups[g]->procs[i];
                        char name[GIVEN_NAME_MAX];
                        if (p->pid > 0 && fdstore_name(p, name) && !strlist_add(out, name))
                                return false;
                }
        if (!fcgi_stored_names(s, out))
                return false;
        strlist_sort(out);
        return true;
}

static void fdstore_on_adopted(struct supervisor *s)
{
        const struct strlist *given =
            startup_of(s)->handover ? &startup_of(s)->handover->names : NULL;
        AUTO_STRLIST used = STRLIST_INIT;
        size_t at = 0;

        if (!fdstore_own(s) || !given || !given->count || !list_used(s, &used))
                return;
        for (size_t i = 0; i < given->count; i++) { /* both are sorted: one walk */
                const char *name = given->items[i];
                if (i > 0 && strcmp(name, given->items[i - 1]) == 0)
                        continue;
                while (at < used.count && strcmp(used.items[at], name) < 0)
                        at++;
                if (at == used.count || strcmp(used.items[at], name) != 0)
                        fdstore_drop(s, name);
        }
}

static void fdstore_on_ended(struct supervisor *s, struct process *p)
{
        fdstore_forget(s, p);
}

const struct component component_fdstore = { .name = "fdstore",
                                             .release = fdstore_release,
                                             .on_adopted = fdstore_on_adopted,
                                             .on_ended = fdstore_on_ended };
