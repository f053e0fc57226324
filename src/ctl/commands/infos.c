#include "ctl/commands/infos.h"

#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "ctl/commands/names.h"
#include "ctl/transport/json_get.h"
#include "version.h"

#define FIELDS      "group,process,state,statecode,description"
#define DETAILS     ",health,healthcheck,next_start_at,next_start_why,log_error"
#define PATH_MAX_V1 8192 /* with more names than that everything is asked for */

void infos_release(struct infos *v)
{
        free(v->items);
        reply_release(&v->reply);
        *v = INFOS_INIT;
}

static bool no_memory(struct ctl *c)
{
        ctl_fail(c, EXIT_GENERIC, "error: out of memory");
        return false;
}

static bool infos_make_room(struct infos *v, size_t count)
{
        v->items = calloc(count ? count : 1, sizeof *v->items);
        return v->items != NULL;
}

/* ---- in our language */

static void infos_put_path(struct buf *out, const struct strlist *words, bool details)
{
        buf_printf(out, "/v1/processes?fields=%s%s", FIELDS, details ? DETAILS : "");
        size_t all = out->len;

        for (size_t i = 0; i < words->count; i++) {
                buf_puts(out, "&name=");
                url_encode(out, words->items[i], true);
        }
        if (out->len <= PATH_MAX_V1 && !strlist_has(words, "all"))
                return;
        out->len = all;
        out->data[all] = '\0';
}

static bool take_json(struct infos *v)
{
        const json_t *list = json_object_get(v->reply.json, "processes");
        size_t count = json_array_size(list);

        if (!infos_make_room(v, count))
                return false;
        for (size_t i = 0; i < count; i++) {
                const json_t *process = json_array_get(list, i);
                v->items[v->count++] =
                    (struct info){ .group = json_text(process, "group"),
                                   .name = json_text(process, "process"),
                                   .state = json_text(process, "state"),
                                   .description = json_text(process, "description"),
                                   .code = json_int(process, "statecode"),
                                   .more = process };
        }
        return true;
}

/* Is it the list that was asked for, of a daemon that would say the same over XML-RPC? One that is
 * about to end, or whose configuration takes XML-RPC away, refuses there in words that people are
 * to see (compat 21.3). */
static bool infos_is_whole(const struct reply *r)
{
        return r->kind == REPLY_VALUE && strcmp(json_text(r->json, "state"), "RUNNING") == 0 &&
               strcmp(json_text(r->json, "rpc_version"), RPC_API_VERSION) == 0;
}

/* No daemon, or none that talks to us: another language would change nothing. */
static bool is_final(const struct reply *r)
{
        return r->kind == REPLY_DOWN || r->kind == REPLY_AUTH || r->kind == REPLY_INTERRUPTED;
}

/* ---- in Supervisor's */

static void add_xml(struct infos *v, const struct xval *process)
{
        v->items[v->count++] = (struct info){ .group = xval_str(process, "group"),
                                              .name = xval_str(process, "name"),
                                              .state = xval_str(process, "statename"),
                                              .description = xval_str(process, "description"),
                                              .code = xval_int(process, "state") };
}

static bool fetch_all(struct ctl *c, struct infos *out)
{
        if (!CALL0(&c->session, &out->reply, "supervisor.getAllProcessInfo")) {
                ctl_report(c, &out->reply);
                return false;
        }
        const struct xval *list = out->reply.value;
        if (!infos_make_room(out, list->count))
                return no_memory(c);
        for (size_t i = 0; i < list->count; i++)
                add_xml(out, list->items[i]);
        return true;
}

static bool fetch_one(struct ctl *c, const char *name, struct infos *out)
{
        bool found = CALL(&c->session, &out->reply, "supervisor.getProcessInfo", XARG_STR(name));

        if (!found && !reply_is_fault(&out->reply, FAULT_BAD_NAME)) {
                ctl_report(c, &out->reply);
                return false;
        }
        if (!infos_make_room(out, 1))
                return no_memory(c);
        if (found)
                add_xml(out, out->reply.value);
        return true;
}

static bool fetch_xml(struct ctl *c, const struct strlist *words, struct infos *out)
{
        const char *word = words->count == 1 ? words->items[0] : "all";

        if (!ctl_upcheck(c))
                return false;
        return name_is_one(word) ? fetch_one(c, word, out) : fetch_all(c, out);
}

bool infos_fetch(struct ctl *c, const struct strlist *words, bool details, struct infos *out)
{
        AUTO_BUF path = BUF_INIT;

        *out = INFOS_INIT;
        infos_put_path(&path, words, details);
        if (path.failed)
                return no_memory(c);
        session_json(&c->session, &out->reply, buf_str(&path), NULL);
        if (infos_is_whole(&out->reply))
                return take_json(out) || no_memory(c);
        if (!is_final(&out->reply))
                return fetch_xml(c, words, out);
        if (!ctl_say_down(c, &out->reply))
                ctl_report(c, &out->reply);
        return false;
}
