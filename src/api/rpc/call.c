/* One call of a method: its fault, and the check and the values of its parameters. */
#include "api/rpc/call.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum rpc_status rpc_fault(struct rpc_call *c, enum fault f, const char *extra)
{
        c->fault = f;
        buf_reset(&c->fault_text);
        buf_puts(&c->fault_text, fault_name(f));
        if (extra)
                buf_printf(&c->fault_text, ": %s", extra);
        return RPC_DONE;
}

/* ---- parameters */

const char *param_string(const struct value *params, int i)
{
        return params->items[i]->text ? params->items[i]->text : "";
}

/* As Python's int(): digits in a string count, and what is behind a point is left out. */
static bool as_int(const struct value *v, int64_t *out)
{
        char *end;

        *out = v->number;
        if (v->kind == VALUE_INT || v->kind == VALUE_BOOL)
                return true;
        if (v->kind == VALUE_DOUBLE) {
                *out = (int64_t)v->real;
                return v->real > -1e15 && v->real < 1e15;
        }
        if (v->kind != VALUE_STRING || !*v->text)
                return false;
        errno = 0;
        *out = strtoll(v->text, &end, 10);
        return !*end && errno == 0;
}

int64_t param_int(const struct value *params, int i)
{
        int64_t n = 0;

        as_int(params->items[i], &n);
        return n;
}

bool param_text(const struct value *params, int i, struct buf *out)
{
        const struct value *v = params->items[i];

        if (v->kind == VALUE_STRING)
                buf_puts(out, v->text);
        else if (v->kind == VALUE_INT)
                buf_printf(out, "%lld", (long long)v->number);
        else if (v->kind == VALUE_BOOL)
                buf_puts(out, v->number ? "True" : "False");
        else
                return false;
        return true;
}

bool param_bool(const struct value *params, int i, bool dflt)
{
        if (i >= params->count)
                return dflt;
        const struct value *v = params->items[i];
        if (v->kind == VALUE_DOUBLE)
                return v->real != 0;
        return v->kind == VALUE_STRING ? v->text[0] != '\0' : v->number != 0;
}

static bool call_param_fits(const struct value *v, const char *type, size_t len)
{
        int64_t n;

        if (strncmp(type, "string", len) == 0)
                return v->kind == VALUE_STRING;
        if (strncmp(type, "int", len) == 0)
                return as_int(v, &n);
        if (strncmp(type, "array", len) == 0)
                return v->kind == VALUE_ARRAY;
        if (strncmp(type, "boolean", len) == 0)
                return v->kind != VALUE_ARRAY && v->kind != VALUE_STRUCT;
        return true;
}

bool rpc_params_fit(const char *types, const struct value *params)
{
        const char *at = types;
        int i = 0;

        while (*at) {
                size_t len = strcspn(at, ",");
                bool optional = memchr(at, '=', len) != NULL;
                if (i < params->count) {
                        if (!call_param_fits(params->items[i], at, strcspn(at, " ")))
                                return false;
                        i++;
                } else if (!optional) {
                        return false;
                }
                at += len + (at[len] == ',');
        }
        return i == params->count;
}
