#include "ctl/infos.h"

#include <stdlib.h>
#include <string.h>

#include "ctl/json_get.h"
#include "version.h"

#define FIELDS      "group,process,state,statecode,description"
#define DETAILS     ",health,healthcheck,next_start_at,next_start_why"
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

static bool make_room(struct infos *v, size_t count)
{
        v->items = calloc(count ? count : 1, sizeof *v->items);
        return v->items != NULL;
}

/* ---- in our language */

static void put_path(struct buf *out, const struct strs *words, bool details)
{
        buf_printf(out, "/v1/processes?fields=%s%s", FIELDS, details ? DETAILS : "");
        size_t all = out->len;

        for (size_t i = 0; i < words->count; i++) {
                buf_puts(out, "&name=");
                url_encode(out, words->items[i], true);
        }
        if (out->len <= PATH_MAX_V1 && !strs_has(words, "all"))
                return;
        out->len = all;
        out->data[all] = '\0';
}

static bool take_json(struct infos *v)
{
        const json_t *list = json_object_get(v->reply.json, "processes");
        size_t count = json_array_size(list);

        if (!make_room(v, count))
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
static bool is_whole(const struct reply *r)
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

static bool take_xml(struct infos *v)
{
        const struct xval *list = v->reply.value;

        if (!make_room(v, list->count))
                return false;
        for (size_t i = 0; i < list->count; i++) {
                const struct xval *process = list->items[i];
                v->items[v->count++] =
                    (struct info){ .group = xval_str(process, "group"),
                                   .name = xval_str(process, "name"),
                                   .state = xval_str(process, "statename"),
                                   .description = xval_str(process, "description"),
                                   .code = xval_int(process, "state") };
        }
        return true;
}

static bool fetch_xml(struct ctl *c, struct infos *out)
{
        if (!ctl_upcheck(c))
                return false;
        if (!CALL0(&c->session, &out->reply, "supervisor.getAllProcessInfo")) {
                ctl_report(c, &out->reply);
                return false;
        }
        return take_xml(out) || no_memory(c);
}

bool infos_fetch(struct ctl *c, const struct strs *words, bool details, struct infos *out)
{
        AUTO_BUF path = BUF_INIT;

        *out = INFOS_INIT;
        put_path(&path, words, details);
        if (path.failed)
                return no_memory(c);
        session_json(&c->session, &out->reply, buf_str(&path), NULL);
        if (is_whole(&out->reply))
                return take_json(out) || no_memory(c);
        if (!is_final(&out->reply))
                return fetch_xml(c, out);
        if (!ctl_say_down(c, &out->reply))
                ctl_report(c, &out->reply);
        return false;
}
