/* Fuzz target: XML-RPC calls as a client may send them. What is read can be written again, and what
 * is written is valid UTF-8 without characters that XML cannot carry. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/xml_read.h"
#include "wire/xml_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_again(const struct value *v, struct buf *out)
{
        if (v->kind == VALUE_STRING)
                xml_string(out, v->text);
        for (int i = 0; i < v->count; i++)
                write_again(v->items[i], out);
}

static void check_legal(const struct buf *out)
{
        for (size_t i = 0; i < out->len; i++) {
                unsigned char c = (unsigned char)out->data[i];
                if (c < 0x20 && c != '\t' && c != '\n' && c != '\r')
                        abort();
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct buf out = BUF_INIT;
        struct value *params = NULL;
        char *method = NULL;
        struct err e;

        if (xml_read_call((const char *)data, size, 1, &method, &params, &e)) {
                if (!*method || params->kind != VALUE_ARRAY)
                        abort();
                write_again(params, &out);
        }
        xml_string_n(&out, (const char *)data, size);
        check_legal(&out);
        buf_release(&out);
        free(method);
        value_free(params);
        return 0;
}
