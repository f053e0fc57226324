/* The pages: what runs, at a glance, for a browser. They only look: orders are POSTs of the JSON
 * API, because any page in the same browser can make it fetch an address (compat 23, row 33). */
#include <stdlib.h>
#include <string.h>

#include "api/http/server.h"
#include "api/rest/log_stream.h"
#include "model/fleet/registry.h"
#include "readlog/readback.h"
#include "version.h"
#include "wire/percent.h"

#define TAIL_MIN 1024
#define TAIL_MAX (1 << 20)

static const char no_cache[] = "Pragma: no-cache\r\nCache-Control: no-cache\r\n"
                               "Expires: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
                               "X-Content-Type-Options: nosniff\r\n"
                               "Content-Security-Policy: default-src 'none'; style-src "
                               "'unsafe-inline'; frame-ancestors 'none'\r\n";

static const char style[] =
    "<style>\n"
    "body { font-family: sans-serif; margin: 2em; }\n"
    "table { border-collapse: collapse; }\n"
    "th, td { text-align: left; padding: .3em 1em; border-bottom: 1px solid #ddd; }\n"
    ".statusrunning { background: #cfc; }\n"
    ".statusnominal { background: #eee; }\n"
    ".statuserror { background: #fcc; }\n"
    "</style>\n";

static void put_html(struct buf *out, const char *text, size_t len)
{
        static const char special[] = "<>&\"'";
        static const char *const entities[] = { "&lt;", "&gt;", "&amp;", "&quot;", "&#39;" };

        for (size_t i = 0; i < len; i++) {
                const char *at = text[i] ? strchr(special, text[i]) : NULL;
                if (at)
                        buf_puts(out, entities[at - special]);
                else
                        buf_putc(out, text[i]);
        }
}

static void put_str(struct buf *out, const char *text)
{
        put_html(out, text, strlen(text));
}

static void put_top(struct buf *out, const char *title)
{
        buf_puts(out,
                 "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>");
        put_str(out, title);
        buf_puts(out, "</title>\n");
        buf_puts(out, style);
        buf_puts(out, "</head>\n<body>\n");
}

static void send_page(struct request *r, int status, struct buf *page)
{
        buf_puts(page, "</body>\n</html>\n");
        if (page->failed)
                reply_error_page(r, 503);
        else
                reply(r, status, "text/html;charset=utf-8", no_cache, page->data, page->len);
}

/* ---- the status table */

static const char *state_class(const struct process *p)
{
        switch (process_shown(p->state)) {
        case PS_RUNNING:
                return "statusrunning";
        case PS_FATAL:
        case PS_BACKOFF:
                return "statuserror";
        default:
                return "statusnominal";
        }
}

static void page_put_state(struct buf *out, const struct process *p)
{
        for (const char *s = pstate_name(p->state); *s; s++)
                buf_putc(out, *s >= 'A' && *s <= 'Z' ? (char)(*s - 'A' + 'a') : *s);
}

static void put_row(struct buf *out, const struct process *p, struct moment now)
{
        AUTO_BUF name = BUF_INIT;
        AUTO_BUF link = BUF_INIT;
        AUTO_BUF description = BUF_INIT;

        process_namespec(p, &name);
        percent_encode(buf_str(&name), &link);
        process_describe(p, now, &description);
        buf_printf(out, "<tr><td class=\"%s\">", state_class(p));
        page_put_state(out, p);
        buf_puts(out, "</td><td>");
        put_str(out, buf_str(&description));
        buf_puts(out, "</td><td>");
        if (p->health.status != HEALTH_NONE)
                buf_puts(out, health_word(p->health.status));
        buf_printf(out, "</td><td><a href=\"tail.html?processname=%s\">", buf_str(&link));
        put_str(out, buf_str(&name));
        buf_printf(out,
                   "</a></td><td><a href=\"logtail/%s\">Tail -f Stdout</a> "
                   "<a href=\"logtail/%s/stderr\">Tail -f Stderr</a></td></tr>\n",
                   buf_str(&link), buf_str(&link));
}

static void send_status(struct request *r)
{
        struct moment now = clock_now();
        int count = 0;
        struct process **procs = registry_all(&r->sup->registry, &count);
        AUTO_BUF page = BUF_INIT;

        if (count < 0) {
                reply_error_page(r, 503);
                return;
        }
        put_top(&page, "Supervisor Status");
        buf_puts(&page, "<h1>Supervisor Status</h1>\n<table>\n<tr><th>State</th>"
                        "<th>Description</th><th>Health</th><th>Name</th><th>Logs</th></tr>\n");
        for (int i = 0; i < count; i++)
                put_row(&page, procs[i], now);
        free(procs);
        buf_puts(&page, "</table>\n");
        if (count == 0)
                buf_puts(&page, "<p>No programs to manage.</p>\n");
        buf_puts(&page,
                 "<p><a href=\"index.html\">Refresh</a> &middot; supervisord " SUPERVISORD_VERSION
                 "</p>\n");
        send_page(r, 200, &page);
}

/* What Supervisor's page does by links: refused, with the way that is open. */
static void refuse_action(struct request *r)
{
        AUTO_BUF page = BUF_INIT;

        put_top(&page, "Not by a link");
        buf_puts(&page, "<h1>Not by a link</h1>\n<p>This page only shows. Orders are given with "
                        "supervisorctl, or as POST requests to /v1/processes/NAME/start, stop "
                        "and restart.</p>\n<p><a href=\"index.html\">Back</a></p>\n");
        send_page(r, 403, &page);
}

void page_index(struct request *r)
{
        AUTO_BUF action = BUF_INIT;
        bool asked = request_param(r, "action", &action);

        if (asked && strcmp(buf_str(&action), "refresh") != 0)
                refuse_action(r);
        else
                send_status(r);
}

/* ---- a log's end */

static void page_put_tail(struct request *r, struct log_part *part)
{
        AUTO_BUF name = BUF_INIT;
        AUTO_BUF page = BUF_INIT;

        if (part->result == TAIL_SILENT) {
                reply_error_page(r, 504);
                return;
        }
        request_param(r, "processname", &name);
        put_top(&page, buf_str(&name));
        buf_puts(&page, "<h1>");
        put_str(&page, buf_str(&name));
        buf_puts(&page, "</h1>\n<pre>");
        if (part->result != TAIL_OK)
                buf_puts(&page, "There is no log to read.");
        else
                put_html(&page, buf_str(&part->text), part->text.len);
        buf_puts(&page, "</pre>\n<p><a href=\"index.html\">Back</a></p>\n");
        send_page(r, 200, &page);
}

static void page_send_tail(struct request *r, const struct process *p)
{
        AUTO_BUF limit = BUF_INIT;
        long bytes = request_param(r, "limit", &limit) ? strtol(buf_str(&limit), NULL, 10) : 0;
        struct err e;

        if (!log_path_of(p, false)) {
                page_put_tail(r, &(struct log_part){ .result = TAIL_NO_FILE });
                return;
        }
        bytes = bytes < TAIL_MIN ? TAIL_MIN : bytes > TAIL_MAX ? TAIL_MAX : bytes;
        struct follow_ask ask = { .path = log_path_of(p, false),
                                  .ledger = stream_ledger_ref(log_stream_of(p, false)),
                                  .from = { .from = FROM_TAIL,
                                            .value = bytes,
                                            .owner = log_owner_of(p, false),
                                            .here_only = true } };
        if (!log_part_begin(r, &ask, page_put_tail, &e))
                reply_error_page(r, 503);
        ledger_drop(ask.ledger);
}

void page_tail(struct request *r)
{
        AUTO_BUF name = BUF_INIT;

        request_param(r, "processname", &name);
        const struct process *p = registry_process(&r->sup->registry, buf_str(&name));
        if (p)
                page_send_tail(r, p);
        else
                reply_error_page(r, 404);
}

void page_ok(struct request *r)
{
        reply(r, 200, "text/plain", NULL, "OK", 2);
}
