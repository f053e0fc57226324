/* Lists from the tables of api/: the methods of XML-RPC. */
#include <string.h>

#include "api/rpc/methods.h"
#include "mangen.h"

/* "string name,boolean wait=true" -> "string name, boolean wait=true"; "any" is what people call a
 * string. */
static void put_params(struct buf *out, const char *params)
{
        for (const char *at = params; *at;) {
                size_t len = strcspn(at, ",");
                bool any = strncmp(at, "any ", 4) == 0;
                buf_printf(out, "%s%s%.*s", at > params ? ", " : "", any ? "string" : "",
                           (int)(any ? len - 3 : len), any ? at + 3 : at);
                at += len + (at[len] == ',');
        }
}

static bool put_methods(struct buf *out, char **words, int count)
{
        (void)words;
        if (count)
                return false;
        buf_puts(out, ".Bl -tag -width Ds -compact\n");
        for (const struct method *m = methods; m->name; m++) {
                AUTO_BUF call = BUF_INIT;
                buf_printf(&call, "%s %s(", m->result, m->name);
                put_params(&call, m->params);
                buf_putc(&call, ')');
                buf_puts(out, ".It Li ");
                mdoc_arg(out, buf_str(&call));
                buf_putc(out, '\n');
                mdoc_text(out, m->help);
        }
        buf_puts(out, ".El\n");
        return true;
}

const struct list rpc_lists[] = {
        { "methods", put_methods },
        { NULL, NULL },
};
