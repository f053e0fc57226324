/* Members of structs as bytes. Knows nothing of what they mean; whether values make sense together
 * is for the caller to judge. */
#include "base/fields.h"

#include <string.h>

#define FIELDS_EACH(layout, parts, i, f)                        \
        for (size_t i = 0; i < (parts); i++)                    \
                for (const struct field *f = (layout)[i]->rows; \
                     f < (layout)[i]->rows + (layout)[i]->count; f++)

/* ---- numbers, of members and of files: in the byte order of the machine */

static size_t field_byte(size_t i, size_t size)
{
        return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? i : size - 1 - i;
}

static void field_put(void *out, size_t size, int64_t n)
{
        for (size_t i = 0; i < size; i++)
                ((uint8_t *)out)[field_byte(i, size)] = (uint8_t)((uint64_t)n >> 8 * i);
}

static int64_t field_get(const struct field *f, const void *in, size_t size)
{
        uint64_t n = 0;

        for (size_t i = size; i-- > 0;)
                n = n << 8 | ((const uint8_t *)in)[field_byte(i, size)];
        if (f->type == FIELD_INT && size > 0 && size < 8 && n >> (8 * size - 1))
                n |= ~UINT64_C(0) << 8 * size;
        return f->type == FIELD_BOOL ? n != 0 : (int64_t)n;
}

int64_t field_number(const struct field *f, const void *of)
{
        return field_get(f, (const char *)of + f->offset, f->width);
}

/* The nearest that the file can have. */
static int64_t field_fit(const struct field *f, const void *of)
{
        int64_t n = field_number(f, of);

        if (f->size == sizeof n)
                return n;
        int64_t most = (INT64_C(1) << (8 * f->size - (f->type == FIELD_INT))) - 1;
        int64_t least = f->type == FIELD_INT ? -most - 1 : 0;
        return n > most ? most : n < least ? least : n;
}

/* ---- the fixed layout */

size_t fields_pack(const struct fields *const layout[], size_t parts, const void *const of[],
                   uint8_t *out)
{
        size_t at = 0;

        FIELDS_EACH(layout, parts, i, f)
        {
                if (f->tag)
                        continue;
                field_put(out + at, f->size, of[i] ? field_fit(f, of[i]) : 0);
                at += f->size;
        }
        return at;
}

void fields_unpack(const struct fields *const layout[], size_t parts, void *const of[],
                   const uint8_t *in)
{
        FIELDS_EACH(layout, parts, i, f)
        {
                if (f->tag)
                        continue;
                if (of[i])
                        field_put((char *)of[i] + f->offset, f->width, field_get(f, in, f->size));
                in += f->size;
        }
}

/* ---- the tail */

#define TAIL_HEAD 3 /* tag and length */

static const struct field tail_length = { .type = FIELD_UINT };

/* Texts with their NUL. */
static void field_append(struct field_tail *to, const struct field *f, const void *value,
                         size_t len)
{
        bool is_text = f->type == FIELD_TEXT;

        if (len == 0)
                return;
        if (len + is_text > UINT16_MAX || len + is_text + TAIL_HEAD > to->max - to->len) {
                to->full = true;
                return;
        }
        char *out = to->data + to->len;
        *out = (char)f->tag;
        field_put(out + 1, 2, (int64_t)(len + is_text));
        memcpy(out + TAIL_HEAD, value, len);
        if (is_text)
                out[TAIL_HEAD + len] = '\0';
        to->len += TAIL_HEAD + len + is_text;
}

void fields_pack_tail(const struct fields *const layout[], size_t parts, const void *const of[],
                      struct field_tail *out)
{
        FIELDS_EACH(layout, parts, i, f)
        {
                if (!f->tag || !of[i])
                        continue;
                const char *at = (const char *)of[i] + f->offset;
                const char *text = f->type == FIELD_TEXT ? *(const char *const *)at : NULL;
                const struct field_times *times = (const struct field_times *)at;
                uint8_t number[8];
                if (f->type == FIELD_TEXT) {
                        field_append(out, f, text,
                                     text ? strnlen(text, f->size ? f->size : SIZE_MAX) : 0);
                } else if (f->type == FIELD_TIMES) {
                        field_append(out, f, times->ms, times->count * sizeof *times->ms);
                } else if (field_number(f, of[i])) {
                        field_put(number, f->size, field_fit(f, of[i]));
                        field_append(out, f, number, f->size);
                }
        }
}

static bool field_set(const struct field *f, void *of, const char *value, size_t len)
{
        char *at = (char *)of + f->offset;
        struct field_times *times = (struct field_times *)at;

        switch ((enum field_type)f->type) {
        case FIELD_TEXT:
                *(const char **)at = value;
                return len > 0 && strnlen(value, len) == len - 1;
        case FIELD_TIMES:
                if (len % sizeof *times->ms || len > sizeof times->ms)
                        return false;
                times->count = (uint8_t)(len / sizeof *times->ms);
                memcpy(times->ms, value, len);
                return true;
        default:
                if (len <= 8)
                        field_put(at, f->width, field_get(f, value, len));
                return len <= 8;
        }
}

/* Unknown tags are no damage. */
static bool field_set_by_tag(const struct fields *const layout[], size_t parts, void *const of[],
                             const char *entry, size_t len)
{
        FIELDS_EACH(layout, parts, i, f)
        if (f->tag == (uint8_t)*entry && of[i])
                return field_set(f, of[i], entry + TAIL_HEAD, len);
        return true;
}

bool fields_unpack_tail(const struct fields *const layout[], size_t parts, void *const of[],
                        const char *data, size_t len)
{
        FIELDS_EACH(layout, parts, i, f)
        {
                if (!f->tag || !of[i])
                        continue;
                memset((char *)of[i] + f->offset, 0, f->width);
                if (f->type == FIELD_TEXT)
                        *(const char **)((char *)of[i] + f->offset) = "";
        }
        while (len > 0) {
                size_t n = len < TAIL_HEAD ? len : (size_t)field_get(&tail_length, data + 1, 2);
                if (n + TAIL_HEAD > len || *data == 0 ||
                    !field_set_by_tag(layout, parts, of, data, n))
                        return false;
                data += TAIL_HEAD + n;
                len -= TAIL_HEAD + n;
        }
        return true;
}

void fields_copy(const struct fields *rows, const void *from, void *to)
{
        for (const struct field *f = rows->rows; f < rows->rows + rows->count; f++)
                memcpy((char *)to + f->offset, (const char *)from + f->offset, f->width);
}
