/* shutdown, reload, open: about the daemon itself (compat 21.4). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/commands/commands.h"
#include "ctl/transport/v1.h"

static bool daemon_order(struct ctl *c, struct reply *r, const char *path)
{
        json_t *body = json_object();
        bool ok = session_json(&c->session, r, path, body);

        json_decref(body);
        return ok;
}

void cmd_shutdown(struct ctl *c, const struct args *a)
{
        AUTO_REPLY r = REPLY_INIT;
        const char *url = c->session.url.text;

        if (c->interactive &&
            !ctl_confirm(c, "Really shut the remote supervisord process down y/N? "))
                return;
        if (daemon_order(c, &r, "/v1/shutdown")) {
                ctl_say(c, "Shut down");
                if (a->json)
                        v1_print(c, r.json);
        } else if (reply_is(&r, "SHUTDOWN_STATE")) {
                ctl_say(c, "ERROR: already shutting down");
        } else if (r.kind == REPLY_DOWN && r.code == ECONNREFUSED) {
                ctl_fail(c, EXIT_GENERIC, "ERROR: %s refused connection (already shut down?)", url);
        } else if (r.kind == REPLY_DOWN && r.code == ENOENT) {
                ctl_fail(c, EXIT_GENERIC, "ERROR: %s no such file (already shut down?)", url);
        } else {
                ctl_report(c, &r);
        }
}

void cmd_reload(struct ctl *c, const struct args *a)
{
        AUTO_REPLY r = REPLY_INIT;

        if (c->interactive &&
            !ctl_confirm(c, "Really restart the remote supervisord process y/N? "))
                return;
        if (daemon_order(c, &r, "/v1/restart")) {
                ctl_say(c, "Restarted supervisord");
                if (a->json)
                        v1_print(c, r.json);
        } else if (reply_is(&r, "SHUTDOWN_STATE")) {
                ctl_fail(c, EXIT_GENERIC, "ERROR: already shutting down");
        } else {
                ctl_report(c, &r);
        }
}

void cmd_open(struct ctl *c, const struct args *a)
{
        const char *text = a->words.count == 1 ? a->words.items[0] : "";
        struct url probe;
        struct err e = { 0 };
        bool usable = url_parse(text, &probe, &e) && url_is_usable(&probe);

        url_release(&probe);
        if (!usable) {
                ctl_fail(c, EXIT_GENERIC, "ERROR: url must be http:// or unix://");
                return;
        }
        if (!session_open(&c->session, text, &e)) {
                ctl_fail(c, EXIT_GENERIC, "error: %s", e.text);
                return;
        }
        int before = c->exit_code; /* it was about opening, not about what is up there */
        cmd_status(c, &(struct args){ 0 });
        if (c->exit_code != EXIT_GENERIC)
                c->exit_code = before;
}

/* "upgrade", "upgrade --binary PATH" */
static bool upgrade_body(struct ctl *c, const struct args *a, json_t **out)
{
        size_t count = a->words.count;
        bool named = count == 2 && strcmp(a->words.items[0], "--binary") == 0;

        *out = NULL;
        if (count && !named) {
                ctl_fail(c, EXIT_USAGE, "Error: upgrade takes nothing but --binary PATH");
                return false;
        }
        char *path = named ? realpath(a->words.items[1], NULL) : NULL;
        if (named && !path) {
                ctl_fail(c, EXIT_GENERIC, "Error: %s: %s", a->words.items[1], strerror(errno));
                return false;
        }
        *out = named ? json_pack("{s:s}", "binary", path) : json_object();
        free(path);
        return true;
}

void cmd_upgrade(struct ctl *c, const struct args *a)
{
        AUTO_REPLY r = REPLY_INIT;
        json_t *body;

        if (!upgrade_body(c, a, &body))
                return;
        if (!session_json(&c->session, &r, "/v1/upgrade", body))
                v1_fail(c, &r, "upgrade");
        else if (a->json)
                v1_print(c, r.json);
        else
                ctl_say(c, "Upgrading supervisord in place");
        json_decref(body);
}
