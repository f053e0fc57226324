/* reread, add, remove, update (compat 21.4). */
#include <stdlib.h>
#include <string.h>

#include "ctl/commands/commands.h"
#include "ctl/transport/json_get.h"
#include "ctl/transport/v1.h"

struct word {
        const char *name, *what; /* borrowed */
};

static int config_by_name(const void *a, const void *b)
{
        return strcmp(((const struct word *)a)->name, ((const struct word *)b)->name);
}

/* The lists of groups that a reread gives, and what is said of theirs. */
static const struct {
        const char *key, *what;
} lists[] = { { "added", "available" }, { "changed", "changed" }, { "removed", "disappeared" } };
#define LISTS (sizeof lists / sizeof *lists)

static bool config_read(struct ctl *c, struct reply *r)
{
        json_t *body = json_object();
        bool ok = session_json(&c->session, r, "/v1/config/reread", body);

        json_decref(body);
        return ok;
}

static void say_differences(struct ctl *c, const json_t *diff)
{
        size_t count = 0, total = 0;

        for (size_t i = 0; i < LISTS; i++)
                total += json_array_size(json_object_get(diff, lists[i].key));
        struct word *all = calloc(total + 1, sizeof *all);
        for (size_t i = 0; all && i < LISTS; i++) {
                const json_t *list = json_object_get(diff, lists[i].key);
                for (size_t n = 0; n < json_array_size(list); n++)
                        all[count++] = (struct word){ json_string_value(json_array_get(list, n)),
                                                      lists[i].what };
        }
        if (!all)
                ctl_fail(c, EXIT_GENERIC, "error: out of memory");
        else if (!count)
                ctl_say(c, "No config updates to processes");
        else
                qsort(all, count, sizeof *all, config_by_name);
        for (size_t i = 0; i < count; i++)
                ctl_say(c, "%s: %s", all[i].name, all[i].what);
        free(all);
}

void cmd_reread(struct ctl *c, const struct args *a)
{
        AUTO_REPLY r = REPLY_INIT;
        AUTO_BUF text = BUF_INIT;

        (void)a;
        if (config_read(c, &r)) {
                say_differences(c, r.json);
        } else if (reply_is(&r, "SHUTDOWN_STATE")) {
                ctl_fail(c, EXIT_GENERIC, "ERROR: supervisor shutting down");
        } else if (reply_is(&r, "CANT_REREAD")) {
                ctl_put_problem(&text, r.json, "");
                ctl_fail(c, EXIT_GENERIC, "ERROR: %s", buf_str(&text));
        } else {
                ctl_report(c, &r);
        }
}

void cmd_add(struct ctl *c, const struct args *a)
{
        for (size_t i = 0; i < a->words.count; i++) {
                const char *name = a->words.items[i];
                AUTO_REPLY r = REPLY_INIT;
                if (v1_post(c, &r, "groups", name, "add", NULL))
                        ctl_say(c, "%s: added process group", name);
                else if (reply_is(&r, "SHUTDOWN_STATE"))
                        ctl_fail(c, EXIT_GENERIC, "ERROR: shutting down");
                else if (reply_is(&r, "ALREADY_ADDED"))
                        ctl_say(c, "ERROR: process group already active");
                else if (reply_is(&r, "BAD_NAME"))
                        ctl_fail(c, EXIT_GENERIC, "ERROR: no such process/group: %s", name);
                else
                        ctl_report(c, &r);
        }
}

void cmd_remove(struct ctl *c, const struct args *a)
{
        for (size_t i = 0; i < a->words.count; i++) {
                const char *name = a->words.items[i];
                AUTO_REPLY r = REPLY_INIT;
                if (v1_post(c, &r, "groups", name, "remove", NULL))
                        ctl_say(c, "%s: removed process group", name);
                else if (reply_is(&r, "STILL_RUNNING"))
                        ctl_fail(c, EXIT_GENERIC, "ERROR: process/group still running: %s", name);
                else if (reply_is(&r, "BAD_NAME"))
                        ctl_fail(c, EXIT_GENERIC, "ERROR: no such process/group: %s", name);
                else
                        ctl_report(c, &r);
        }
}

/* ---- update */

static bool config_wanted(const struct strlist *only, const char *name)
{
        return !only->count || strlist_has(only, "all") || strlist_has(only, name);
}

static bool config_lists(const json_t *diff, const char *name)
{
        for (size_t i = 0; i < LISTS; i++) {
                const json_t *list = json_object_get(diff, lists[i].key);
                for (size_t n = 0; n < json_array_size(list); n++)
                        if (strcmp(json_string_value(json_array_get(list, n)), name) == 0)
                                return true;
        }
        return false;
}

static bool group_exists(const json_t *processes, const char *name)
{
        for (size_t i = 0; i < json_array_size(processes); i++)
                if (strcmp(json_text(json_array_get(processes, i), "group"), name) == 0)
                        return true;
        return false;
}

/* Groups that were asked for and that are neither running nor new. */
static bool config_check_names(struct ctl *c, const struct strlist *only, const json_t *diff)
{
        if (!only->count || strlist_has(only, "all"))
                return true;
        json_t *doc = v1_list(c, NULL, "group");
        for (size_t i = 0; doc && i < only->count; i++) {
                const char *name = only->items[i];
                if (!group_exists(v1_items(doc), name) && !config_lists(diff, name))
                        ctl_fail(c, EXIT_GENERIC, "ERROR: no such group: %s", name);
        }
        json_decref(doc);
        return doc != NULL;
}

/* Stop the group and say so. False: it did not work, or something of it would not stop. */
static bool stop_group(struct ctl *c, const char *name)
{
        AUTO_REPLY r = REPLY_INIT;
        AUTO_BUF group = BUF_INIT;

        buf_printf(&group, "%s:*", name);
        if (!v1_post(c, &r, "processes", buf_str(&group), "stop", v1_patience())) {
                ctl_report(c, &r);
                return false;
        }
        ctl_say(c, "%s: stopped", name);
        const json_t *results = json_object_get(r.json, "results");
        for (size_t i = 0; i < json_array_size(results); i++) {
                const json_t *one = json_array_get(results, i);
                if (json_is_true(json_object_get(one, "ok")) ||
                    strcmp(json_text(one, "code"), "NOT_RUNNING") == 0)
                        continue;
                ctl_fail(c, EXIT_GENERIC, "%s: has problems; not removing", name);
                return false;
        }
        return true;
}

static bool update_group(struct ctl *c, const char *name, const char *what)
{
        AUTO_REPLY r = REPLY_INIT;

        if (v1_post(c, &r, "groups", name, what, NULL))
                return true;
        ctl_report(c, &r);
        return false;
}

static bool update_removed(struct ctl *c, const char *name)
{
        if (!stop_group(c, name) || !update_group(c, name, "remove"))
                return false;
        ctl_say(c, "%s: removed process group", name);
        return true;
}

static bool update_changed(struct ctl *c, const char *name)
{
        if (!stop_group(c, name) || !update_group(c, name, "remove") ||
            !update_group(c, name, "add"))
                return false;
        ctl_say(c, "%s: updated process group", name);
        return true;
}

static bool update_added(struct ctl *c, const char *name)
{
        if (!update_group(c, name, "add"))
                return false;
        ctl_say(c, "%s: added process group", name);
        return true;
}

static void note_update(json_t *results, const char *name, bool ok, const char *change)
{
        json_array_append_new(results,
                              json_pack("{s:s, s:b, s:s, s:n, s:s}", "name", name, "ok", ok, "code",
                                        ok ? "OK" : "FAILED", "detail", "change", change));
}

/* Each group's result goes to results, too. False: nothing could be compared. */
static bool update_all(struct ctl *c, const struct args *a, json_t *results)
{
        static const struct {
                const char *list;
                bool (*carry_out)(struct ctl *, const char *);
        } steps[] = { { "removed", update_removed },
                      { "changed", update_changed },
                      { "added", update_added } };
        AUTO_REPLY r = REPLY_INIT;

        if (!config_read(c, &r)) {
                if (reply_is(&r, "SHUTDOWN_STATE"))
                        ctl_fail(c, EXIT_GENERIC, "ERROR: already shutting down");
                else
                        ctl_report(c, &r);
                return false;
        }
        if (!config_check_names(c, &a->words, r.json))
                return false;
        for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
                const json_t *list = json_object_get(r.json, steps[i].list);
                for (size_t n = 0; n < json_array_size(list); n++) {
                        const char *name = json_string_value(json_array_get(list, n));
                        if (!config_wanted(&a->words, name))
                                continue;
                        note_update(results, name, steps[i].carry_out(c, name), steps[i].list);
                        fflush(c->out);
                }
        }
        return true;
}

void cmd_update(struct ctl *c, const struct args *a)
{
        json_t *doc = json_object(), *results = json_array();

        json_object_set_new(doc, "results", results);
        if (update_all(c, a, results) && a->json)
                v1_print(c, doc);
        json_decref(doc);
}

/* The differences as a PLAN; and the daemon remembers what it read, as after a plain reread. */
void json_reread(struct ctl *c, const struct args *a)
{
        AUTO_REPLY plan = REPLY_INIT;
        AUTO_REPLY reread = REPLY_INIT;
        json_t *body = json_pack("{s:b}", "plan", 1);

        (void)a;
        if (!session_json(&c->session, &plan, "/v1/reload", body))
                v1_fail(c, &plan, "reread");
        else if (config_read(c, &reread))
                v1_print(c, plan.json);
        else
                v1_fail(c, &reread, "reread");
        json_decref(body);
}
