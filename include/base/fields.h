/* Members of structs as bytes, by tables: a row says where a member lies and how it is written. So
 * packing, unpacking, copying and printing are loops over the rows.
 *
 * Rows without a tag make a fixed layout: each follows the one before it, in the order of the
 * tables. Rows with a tag make a tail: tag (1 byte), length (2 bytes), value, and only members that
 * are not zero. A reader passes over tags that it does not know, and what is not there is zero; so
 * rows with new tags can be appended at any time. */
#ifndef BASE_FIELDS_H
#define BASE_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum field_type {
        FIELD_INT,  /* a signed number; one that does not fit becomes the nearest that does */
        FIELD_UINT, /* likewise; enums as well */
        FIELD_BOOL,
        FIELD_TEXT,  /* const char *, "" where there is none; only with a tag */
        FIELD_TIMES, /* struct field_times; only with a tag */
};

#define FIELD_TIMES_MAX 16

struct field_times {
        uint8_t count;
        int64_t ms[FIELD_TIMES_MAX]; /* oldest first */
};

struct field {
        const char *name; /* for people; NULL: printed by other means */
        uint8_t tag;      /* 0: of the fixed layout */
        uint8_t type;     /* enum field_type */
        uint8_t size;     /* bytes of a number; of a text the most that are written, 0: any */
        uint8_t width;    /* of the member */
        uint16_t offset;  /* of the member */
};

#define FIELD(tag, type, size, name, strct, member)                                          \
        {                                                                                    \
                name, tag, type, size, sizeof(((strct *)0)->member), offsetof(strct, member) \
        }

/* The rows of one struct. A layout is an array of pointers to these; beside it goes an array with a
 * struct for each, where NULL leaves the struct's members out. */
struct fields {
        const struct field *rows;
        size_t count;
};

#define FIELDS(table)                                  \
        {                                              \
                table, sizeof(table) / sizeof *(table) \
        }

struct field_tail {
        char *data;
        size_t len, max;
        bool full; /* something did not fit, and was left out */
};

/* The number that a member of that struct has; not of texts and times. */
int64_t field_number(const struct field *f, const void *of);

/* The fixed layout: plain stores, also for the child's side of a start. Returns how many bytes. */
size_t fields_pack(const struct fields *const layout[], size_t parts, const void *const of[],
                   uint8_t *out);
void fields_unpack(const struct fields *const layout[], size_t parts, void *const of[],
                   const uint8_t *in);

/* The tail: appended in the order of the rows. */
void fields_pack_tail(const struct fields *const layout[], size_t parts, const void *const of[],
                      struct field_tail *out);
/* Texts are borrowed from `data`; what is not there becomes zero, or "". False: it is damaged. */
bool fields_unpack_tail(const struct fields *const layout[], size_t parts, void *const of[],
                        const char *data, size_t len);

/* Members that have rows, from one struct to another of its kind. */
void fields_copy(const struct fields *rows, const void *from, void *to);

#endif
