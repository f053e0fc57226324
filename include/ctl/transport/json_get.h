/* Reading JSON answers without asking at every step whether a field is there. */
#ifndef CTL_TRANSPORT_JSON_GET_H
#define CTL_TRANSPORT_JSON_GET_H

#include <jansson.h>
#include <stdint.h>

/* "" where the field is absent, null or no text. */
static inline const char *json_text(const json_t *o, const char *key)
{
        const char *s = json_string_value(json_object_get(o, key));

        return s ? s : "";
}

/* 0 where the field is absent, null or no number. */
static inline int64_t json_int(const json_t *o, const char *key)
{
        return (int64_t)json_number_value(json_object_get(o, key));
}

#endif
