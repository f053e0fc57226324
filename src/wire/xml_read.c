/* Reads an XML-RPC call with expat into a tree of values (compat 20.1). A document type, too deep
 * a nesting and what is no XML-RPC are refused. Looks at no method. */
#include <errno.h>
#include <expat.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/vec.h"
#include "wire/base64.h"
#include "wire/xml_read.h"

#define DEEPEST     64
#define MOST_VALUES 100000 /* each is a hundred bytes of ours for eight of the client's */

enum tag {
        TAG_OTHER,
        TAG_CALL,
        TAG_METHOD,
        TAG_PARAMS,
        TAG_PARAM,
        TAG_VALUE,
        TAG_INT,
        TAG_BOOLEAN,
        TAG_DOUBLE,
        TAG_TEXT,
        TAG_BASE64,
        TAG_ARRAY,
        TAG_DATA,
        TAG_STRUCT,
        TAG_MEMBER,
        TAG_NAME,
};

static const struct tag_row {
        const char *name;
        enum tag tag;
} tags[] = {
        { "methodCall", TAG_CALL }, { "methodName", TAG_METHOD },
        { "params", TAG_PARAMS },   { "param", TAG_PARAM },
        { "value", TAG_VALUE },     { "int", TAG_INT },
        { "i4", TAG_INT },          { "i8", TAG_INT },
        { "boolean", TAG_BOOLEAN }, { "double", TAG_DOUBLE },
        { "string", TAG_TEXT },     { "dateTime.iso8601", TAG_TEXT },
        { "base64", TAG_BASE64 },   { "array", TAG_ARRAY },
        { "data", TAG_DATA },       { "struct", TAG_STRUCT },
        { "member", TAG_MEMBER },   { "name", TAG_NAME },
};

/* A <value> under construction: which value, and what will be done with text in it. */
struct open_value {
        struct value *value;
        bool typed; /* an inner element said what it is */
};

struct reader {
        XML_Parser parser;
        int depth;
        bool seen_call, failed;
        const char *why;
        struct buf text;      /* of the innermost element that has some */
        char *method;         /* owned */
        struct value *params; /* owned */
        struct open_value open[DEEPEST];
        int opened, values;
        char *member[DEEPEST + 1]; /* owned: <name> of the member at that level of values */
};

void value_free(struct value *v)
{
        if (!v)
                return;
        for (int i = 0; i < v->count; i++)
                value_free(v->items[i]);
        free(v->items);
        free(v->name);
        free(v->text);
        free(v);
}

const struct value *value_member(const struct value *v, const char *name)
{
        for (int i = 0; v->kind == VALUE_STRUCT && i < v->count; i++)
                if (v->items[i]->name && strcmp(v->items[i]->name, name) == 0)
                        return v->items[i];
        return NULL;
}

static bool value_add(struct value *to, struct value *item)
{
        if (!vec_grow(to->items, to->count))
                return false;
        to->items[to->count++] = item;
        return true;
}

/* why NULL: out of memory. */
static void xml_read_give_up(struct reader *r, const char *why)
{
        if (!r->failed)
                r->why = why;
        r->failed = true;
        XML_StopParser(r->parser, XML_FALSE);
}

static enum tag tag_of(const char *name)
{
        for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
                if (strcmp(tags[i].name, name) == 0)
                        return tags[i].tag;
        return TAG_OTHER;
}

static void xml_read_open_value(struct reader *r)
{
        if (r->opened == DEEPEST || ++r->values > MOST_VALUES) {
                xml_read_give_up(r, r->opened == DEEPEST ? "nested too deeply" : "too many values");
                return;
        }
        struct value *v = calloc(1, sizeof *v);
        if (!v) {
                xml_read_give_up(r, NULL);
                return;
        }
        r->open[r->opened++] = (struct open_value){ .value = v };
}

static void mark_kind(struct reader *r, enum value_kind kind)
{
        if (r->opened == 0) {
                xml_read_give_up(r, "a typed element outside <value>");
                return;
        }
        r->open[r->opened - 1].typed = true;
        r->open[r->opened - 1].value->kind = kind;
}

static void xml_read_on_start(void *arg, const XML_Char *name, const XML_Char **attributes)
{
        struct reader *r = arg;
        enum tag tag = tag_of(name);

        (void)attributes;
        if (++r->depth > DEEPEST * 4)
                xml_read_give_up(r, "nested too deeply");
        if (r->depth == 1 && tag != TAG_CALL)
                xml_read_give_up(r, "not a methodCall");
        buf_reset(&r->text);
        if (tag == TAG_CALL)
                r->seen_call = true;
        else if (tag == TAG_VALUE)
                xml_read_open_value(r);
        else if (tag == TAG_ARRAY)
                mark_kind(r, VALUE_ARRAY);
        else if (tag == TAG_STRUCT)
                mark_kind(r, VALUE_STRUCT);
}

static void xml_read_on_text(void *arg, const XML_Char *s, int len)
{
        struct reader *r = arg;

        buf_put(&r->text, s, (size_t)len);
        if (r->text.failed)
                xml_read_give_up(r, NULL);
}

static bool set_number(struct reader *r, struct value *v)
{
        char *end;

        errno = 0;
        v->number = strtoll(buf_str(&r->text), &end, 10);
        end += strspn(end, " \t\r\n");
        return !errno && end != buf_str(&r->text) && !*end;
}

static bool set_double(struct reader *r, struct value *v)
{
        char *end;

        v->real = strtod(buf_str(&r->text), &end);
        end += strspn(end, " \t\r\n");
        return end != buf_str(&r->text) && !*end;
}

static void set_text(struct reader *r, struct value *v)
{
        v->text = strdup(buf_str(&r->text));
        v->len = r->text.len;
        if (!v->text)
                xml_read_give_up(r, NULL);
}

static void set_base64(struct reader *r, struct value *v)
{
        struct buf plain = BUF_INIT;

        base64_decode(buf_str(&r->text), false, &plain);
        v->len = plain.len;
        v->text = buf_take(&plain);
        if (!v->text)
                xml_read_give_up(r, NULL);
}

static void xml_read_set_scalar(struct reader *r, enum tag tag)
{
        static const enum value_kind kinds[] = { [TAG_INT] = VALUE_INT,
                                                 [TAG_BOOLEAN] = VALUE_BOOL,
                                                 [TAG_DOUBLE] = VALUE_DOUBLE,
                                                 [TAG_TEXT] = VALUE_STRING,
                                                 [TAG_BASE64] = VALUE_STRING };
        mark_kind(r, kinds[tag]);
        if (r->failed)
                return;
        struct value *v = r->open[r->opened - 1].value;
        if (v->text || v->count) {
                xml_read_give_up(r, "two things in one <value>");
        } else if (tag == TAG_TEXT) {
                set_text(r, v);
        } else if (tag == TAG_BASE64) {
                set_base64(r, v);
        } else if (tag == TAG_DOUBLE) {
                if (!set_double(r, v))
                        xml_read_give_up(r, "not a number");
        } else if (tag == TAG_BOOLEAN) { /* compat 20.1: 1 is true, anything else false */
                v->number = strcmp(buf_str(&r->text), "1") == 0;
        } else if (!set_number(r, v)) {
                xml_read_give_up(r, "not an integer");
        }
}

/* A value is complete: into the array or struct around it, else it is a parameter. */
static void xml_read_close_value(struct reader *r)
{
        if (r->opened == 0)
                return;
        struct open_value top = r->open[--r->opened];
        struct value *v = top.value;
        if (!top.typed)
                set_text(r, v);
        if (v->kind == VALUE_STRING && !v->text)
                set_text(r, v);
        struct value *around = r->opened ? r->open[r->opened - 1].value : r->params;
        if (r->opened && around->kind == VALUE_STRUCT) {
                v->name = r->member[r->opened];
                r->member[r->opened] = NULL;
        }
        if (!value_add(around, v)) {
                value_free(v);
                xml_read_give_up(r, NULL);
        }
        buf_reset(&r->text);
}

static void xml_read_on_end(void *arg, const XML_Char *name)
{
        struct reader *r = arg;
        enum tag tag = tag_of(name);

        if (r->failed)
                return;
        r->depth--;
        switch (tag) {
        case TAG_METHOD:
                free(r->method);
                r->method = strdup(buf_str(&r->text));
                if (!r->method)
                        xml_read_give_up(r, NULL);
                break;
        case TAG_NAME:
                free(r->member[r->opened]);
                r->member[r->opened] = strdup(buf_str(&r->text));
                if (!r->member[r->opened])
                        xml_read_give_up(r, NULL);
                break;
        case TAG_INT:
        case TAG_BOOLEAN:
        case TAG_DOUBLE:
        case TAG_TEXT:
        case TAG_BASE64:
                xml_read_set_scalar(r, tag);
                break;
        case TAG_VALUE:
                xml_read_close_value(r);
                break;
        default:
                break;
        }
}

static void xml_read_on_doctype(void *arg, const XML_Char *name, const XML_Char *sysid,
                                const XML_Char *pubid, int internal)
{
        (void)name, (void)sysid, (void)pubid, (void)internal;
        xml_read_give_up(arg, "a DOCTYPE is not accepted");
}

static void xml_read_reader_release(struct reader *r)
{
        while (r->opened > 0)
                value_free(r->open[--r->opened].value);
        for (int i = 0; i <= DEEPEST; i++)
                free(r->member[i]);
        free(r->method);
        value_free(r->params);
        buf_release(&r->text);
        if (r->parser)
                XML_ParserFree(r->parser);
}

static bool xml_read_parse(struct reader *r, const char *body, size_t len, struct err *e)
{
        XML_SetUserData(r->parser, r);
        XML_SetElementHandler(r->parser, xml_read_on_start, xml_read_on_end);
        XML_SetCharacterDataHandler(r->parser, xml_read_on_text);
        XML_SetStartDoctypeDeclHandler(r->parser, xml_read_on_doctype);
        if (XML_Parse(r->parser, body, (int)len, 1) == XML_STATUS_OK && !r->failed)
                return true;
        if ((r->failed && !r->why) || XML_GetErrorCode(r->parser) == XML_ERROR_NO_MEMORY)
                return err_nomem(e);
        return err_set(e, ERR_PROTOCOL, "line %lu: %s",
                       (unsigned long)XML_GetCurrentLineNumber(r->parser),
                       r->failed ? r->why : XML_ErrorString(XML_GetErrorCode(r->parser)));
}

bool xml_read_call(const char *body, size_t len, unsigned long salt, char **method_out,
                   struct value **params_out, struct err *e)
{
        struct reader *r = calloc(1, sizeof *r);

        if (!r)
                return err_nomem(e);
        r->parser = XML_ParserCreate(NULL);
        if (r->parser && salt)
                XML_SetHashSalt(r->parser, salt);
        r->params = calloc(1, sizeof *r->params);
        bool ok = r->parser && r->params;
        if (!ok)
                err_nomem(e);
        else
                r->params->kind = VALUE_ARRAY;
        ok = ok && xml_read_parse(r, body, len, e);
        if (ok && (!r->method || !*r->method))
                ok = err_set(e, ERR_PROTOCOL, "no methodName");
        if (ok) {
                *method_out = r->method;
                *params_out = r->params;
                r->method = NULL;
                r->params = NULL;
        }
        xml_read_reader_release(r);
        free(r);
        return ok;
}
