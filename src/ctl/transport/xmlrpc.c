#include "ctl/transport/xmlrpc.h"

#include <expat.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 32

/* ---- values */

void xval_free(struct xval *v)
{
        if (!v)
                return;
        for (size_t i = 0; i < v->count; i++)
                xval_free(v->items[i]);
        free(v->items);
        free(v->name);
        buf_release(&v->text);
        free(v);
}

static bool xval_add(struct xval *to, struct xval *item)
{
        if (to->count == to->cap) {
                size_t cap = to->cap ? to->cap * 2 : 8;
                struct xval **items = realloc(to->items, cap * sizeof *items);
                if (!items)
                        return false;
                to->items = items;
                to->cap = cap;
        }
        to->items[to->count++] = item;
        return true;
}

const struct xval *xval_item(const struct xval *v, size_t at)
{
        return v && at < v->count ? v->items[at] : NULL;
}

const struct xval *xval_member(const struct xval *v, const char *name)
{
        if (!v || v->kind != X_STRUCT)
                return NULL;
        for (size_t i = 0; i < v->count; i++)
                if (v->items[i]->name && strcmp(v->items[i]->name, name) == 0)
                        return v->items[i];
        return NULL;
}

const char *xval_str(const struct xval *v, const char *name)
{
        const struct xval *at = name ? xval_member(v, name) : v;

        return at && at->kind == X_STRING ? buf_str(&at->text) : "";
}

int64_t xval_int(const struct xval *v, const char *name)
{
        const struct xval *at = name ? xval_member(v, name) : v;

        return at && (at->kind == X_INT || at->kind == X_BOOL) ? at->number : 0;
}

void xanswer_release(struct xanswer *a)
{
        xval_free(a->value);
        buf_release(&a->fault_text);
        *a = (struct xanswer){ 0 };
}

/* ---- reading */

enum tag {
        TAG_OTHER,
        TAG_VALUE,
        TAG_SCALAR,
        TAG_ARRAY,
        TAG_STRUCT,
        TAG_NAME,
        TAG_FAULT,
};

static const struct tag_row {
        const char *name;
        enum tag tag;
        enum xkind kind;
} tags[] = {
        { "value", TAG_VALUE, X_NONE },
        { "int", TAG_SCALAR, X_INT },
        { "i4", TAG_SCALAR, X_INT },
        { "i8", TAG_SCALAR, X_INT },
        { "boolean", TAG_SCALAR, X_BOOL },
        { "double", TAG_SCALAR, X_DOUBLE },
        { "string", TAG_SCALAR, X_STRING },
        { "base64", TAG_SCALAR, X_STRING },
        { "array", TAG_ARRAY, X_ARRAY },
        { "struct", TAG_STRUCT, X_STRUCT },
        { "name", TAG_NAME, X_NONE },
        { "fault", TAG_FAULT, X_NONE },
        { "dateTime.iso8601", TAG_SCALAR, X_STRING },
};

struct reader {
        XML_Parser xml;
        struct xval *stack[DEPTH_MAX]; /* values that are open; owned until they are added */
        char *names[DEPTH_MAX];        /* owned: the name that the next member of that level has */
        int depth;
        struct xval *root; /* owned: the finished outermost value */
        struct buf text;   /* character data of the innermost element */
        bool is_fault, seen_root;
        const char *wrong; /* why the parse was stopped; NULL: expat knows */
};

static void xmlrpc_stop(struct reader *r, const char *why)
{
        if (!r->wrong)
                r->wrong = why;
        XML_StopParser(r->xml, XML_FALSE);
}

static const struct tag_row *find_tag(const char *name)
{
        for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
                if (strcmp(tags[i].name, name) == 0)
                        return &tags[i];
        return NULL;
}

static void xmlrpc_open_value(struct reader *r)
{
        if (r->depth == DEPTH_MAX || (r->depth == 0 && r->seen_root)) {
                xmlrpc_stop(r, r->depth ? "nested too deeply" : "more than one value");
                return;
        }
        struct xval *v = calloc(1, sizeof *v);
        if (!v) {
                xmlrpc_stop(r, "out of memory");
                return;
        }
        r->seen_root = true;
        r->stack[r->depth++] = v;
}

static void xmlrpc_on_start(void *arg, const XML_Char *name, const XML_Char **attrs)
{
        struct reader *r = arg;
        const struct tag_row *t = find_tag(name);

        (void)attrs;
        buf_reset(&r->text);
        if (!t)
                return;
        if (t->tag == TAG_VALUE)
                xmlrpc_open_value(r);
        else if (t->tag == TAG_FAULT)
                r->is_fault = true;
        else if ((t->tag == TAG_ARRAY || t->tag == TAG_STRUCT) && r->depth)
                r->stack[r->depth - 1]->kind = t->kind;
}

static void xmlrpc_set_scalar(struct reader *r, enum xkind kind)
{
        struct xval *v = r->stack[r->depth - 1];
        const char *text = buf_str(&r->text);

        v->kind = kind;
        if (kind == X_STRING) {
                buf_release(&v->text);
                v->text = r->text;
                r->text = BUF_INIT;
        } else if (kind == X_DOUBLE) {
                v->real = strtod(text, NULL);
        } else {
                v->number = strtoll(text, NULL, 10);
        }
        buf_reset(&r->text);
}

static void xmlrpc_close_value(struct reader *r)
{
        struct xval *v = r->stack[r->depth - 1];

        if (v->kind == X_NONE) /* <value>text</value> */
                xmlrpc_set_scalar(r, X_STRING);
        r->depth--;
        if (r->depth == 0) {
                r->root = v;
                return;
        }
        struct xval *parent = r->stack[r->depth - 1];
        if (parent->kind == X_STRUCT) {
                v->name = r->names[r->depth - 1];
                r->names[r->depth - 1] = NULL;
        }
        if ((parent->kind != X_STRUCT && parent->kind != X_ARRAY) || !xval_add(parent, v)) {
                xval_free(v);
                xmlrpc_stop(r, "a value where none belongs");
        }
}

static void xmlrpc_on_end(void *arg, const XML_Char *name)
{
        struct reader *r = arg;
        const struct tag_row *t = find_tag(name);

        if (!t || !r->depth)
                return;
        if (t->tag == TAG_SCALAR) {
                xmlrpc_set_scalar(r, t->kind);
        } else if (t->tag == TAG_VALUE) {
                xmlrpc_close_value(r);
        } else if (t->tag == TAG_NAME) {
                free(r->names[r->depth - 1]);
                r->names[r->depth - 1] = buf_take(&r->text);
        }
        buf_reset(&r->text);
}

static void xmlrpc_on_text(void *arg, const XML_Char *text, int len)
{
        struct reader *r = arg;

        buf_put(&r->text, text, (size_t)len);
        if (r->text.failed)
                xmlrpc_stop(r, "out of memory");
}

static void xmlrpc_on_doctype(void *arg, const XML_Char *name, const XML_Char *sysid,
                              const XML_Char *pubid, int internal)
{
        (void)name, (void)sysid, (void)pubid, (void)internal;
        xmlrpc_stop(arg, "has a DOCTYPE");
}

/* Supervisor sends the control bytes of a log as they are, which is no XML (compat 23, row 19);
 * better a question mark than no log at all. */
static bool without_controls(const char *xml, size_t len, struct buf *out)
{
        buf_put(out, xml, len);
        for (size_t i = 0; i < out->len; i++) {
                unsigned char c = (unsigned char)out->data[i];
                if (c < 0x20 && c != '\t' && c != '\n' && c != '\r')
                        out->data[i] = '?';
        }
        return !out->failed;
}

static bool xmlrpc_feed(struct reader *r, const struct buf *xml, struct err *e)
{
        XML_SetUserData(r->xml, r);
        XML_SetElementHandler(r->xml, xmlrpc_on_start, xmlrpc_on_end);
        XML_SetCharacterDataHandler(r->xml, xmlrpc_on_text);
        XML_SetStartDoctypeDeclHandler(r->xml, xmlrpc_on_doctype);
        if (XML_Parse(r->xml, buf_str(xml), (int)xml->len, 1) == XML_STATUS_OK && r->root)
                return true;
        enum XML_Error code = XML_GetErrorCode(r->xml);
        return err_set(e, ERR_PROTOCOL, "not an XML-RPC answer: %s",
                       r->wrong                 ? r->wrong
                       : code == XML_ERROR_NONE ? "no value"
                                                : XML_ErrorString(code));
}

static void xmlrpc_reader_release(struct reader *r)
{
        for (int i = 0; i < DEPTH_MAX; i++)
                free(r->names[i]);
        while (r->depth > 0)
                xval_free(r->stack[--r->depth]);
        xval_free(r->root);
        buf_release(&r->text);
        if (r->xml)
                XML_ParserFree(r->xml);
}

static bool take_result(struct reader *r, struct xanswer *out, struct err *e)
{
        out->is_fault = r->is_fault;
        if (!r->is_fault) {
                out->value = r->root;
                r->root = NULL;
                return true;
        }
        out->fault_code = (int)xval_int(r->root, "faultCode");
        buf_puts(&out->fault_text, xval_str(r->root, "faultString"));
        return !out->fault_text.failed || err_nomem(e);
}

bool xmlrpc_parse(const char *xml, size_t len, struct xanswer *out, struct err *e)
{
        struct reader r = { .xml = XML_ParserCreate("UTF-8") };
        AUTO_BUF clean = BUF_INIT;

        *out = (struct xanswer){ 0 };
        bool ok =
            r.xml && without_controls(xml, len, &clean) ? xmlrpc_feed(&r, &clean, e) : err_nomem(e);
        ok = ok && take_result(&r, out, e);
        xmlrpc_reader_release(&r);
        return ok;
}

/* ---- writing */

static void xmlrpc_put_escaped(struct buf *out, const char *s)
{
        for (; *s; s++) {
                if (*s == '&')
                        buf_puts(out, "&amp;");
                else if (*s == '<')
                        buf_puts(out, "&lt;");
                else if (*s == '>')
                        buf_puts(out, "&gt;");
                else
                        buf_putc(out, *s);
        }
}

static void put_arg(struct buf *out, const struct xarg *a)
{
        buf_puts(out, "<param>\n<value>");
        if (a->kind == X_STRING) {
                buf_puts(out, "<string>");
                xmlrpc_put_escaped(out, a->text);
                buf_puts(out, "</string>");
        } else if (a->kind == X_BOOL) {
                buf_printf(out, "<boolean>%d</boolean>", a->number != 0);
        } else {
                buf_printf(out, "<int>%lld</int>", (long long)a->number);
        }
        buf_puts(out, "</value>\n</param>\n");
}

void xmlrpc_write(struct buf *out, const char *method, const struct xarg *args, size_t count)
{
        buf_puts(out, "<?xml version='1.0'?>\n<methodCall>\n<methodName>");
        xmlrpc_put_escaped(out, method);
        buf_puts(out, "</methodName>\n<params>\n");
        for (size_t i = 0; i < count; i++)
                put_arg(out, &args[i]);
        buf_puts(out, "</params>\n</methodCall>\n");
}
