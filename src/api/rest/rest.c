/* What all answers of the JSON API have in common, and how the body of a request is read. */
#include "api/rest/rest.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "api/http/conn.h"
#include "api/rest/view.h"

/* ---- answers */

static void rest_answer(struct request *r, int status, const char *type, struct buf *value)
{
        buf_putc(value, '\n');
        if (value->failed)
                reply_error_page(r, 503);
        else
                reply_body(r, status, type, NULL, value);
}

void rest_reply(struct request *r, int status, struct buf *value)
{
        rest_answer(r, status, "application/json", value);
}

/* errors: NULL where the problem has no such member. */
static void rest_problem(struct request *r, int status, const char *code, const char *detail,
                         const struct diags *errors, const int64_t *offset)
{
        AUTO_BUF text = BUF_INIT;
        AUTO_JSON_WRITER j = JSON_WRITER_INIT(&text);

        json_writer_open(&j, '{');
        view_key_int(&j, "status", status);
        view_key_text(&j, "title", http_reason(status));
        view_key_text(&j, "detail", detail && *detail ? detail : NULL);
        view_key_text(&j, "code", code);
        if (offset)
                view_key_int(&j, "offset", *offset);
        if (errors) {
                json_writer_key(&j, "errors");
                view_diags(&j, errors, DIAG_ERROR);
        }
        json_writer_close(&j, '}');
        rest_answer(r, status, "application/problem+json", &text);
}

void rest_error(struct request *r, int status, const char *code, const char *fmt, ...)
{
        AUTO_BUF detail = BUF_INIT;
        va_list ap;

        va_start(ap, fmt);
        buf_vprintf(&detail, fmt, ap);
        va_end(ap);
        rest_problem(r, status, code, buf_str(&detail), NULL, NULL);
}

void rest_error_at(struct request *r, int status, const char *code, int64_t offset,
                   const char *detail)
{
        rest_problem(r, status, code, detail, NULL, &offset);
}

int rest_fault_status(enum fault f)
{
        static const struct {
                enum fault fault;
                int status;
        } table[] = {
                { FAULT_BAD_NAME, 404 },      { FAULT_BAD_SIGNAL, 400 },
                { FAULT_BAD_ARGUMENTS, 400 }, { FAULT_INCORRECT_PARAMETERS, 400 },
                { FAULT_OUT_OF_RANGE, 400 },  { FAULT_SHUTDOWN_STATE, 503 },
                { FAULT_TIMEOUT, 504 },       { FAULT_CANT_REREAD, 422 },
                { FAULT_FAILED, 500 },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++)
                if (table[i].fault == f)
                        return table[i].status;
        return 409; /* the rest say that the process is in no state for it */
}

void rest_fault(struct request *r, enum fault f, const char *detail)
{
        rest_problem(r, rest_fault_status(f), fault_name(f), detail, NULL, NULL);
}

void rest_diags(struct request *r, const struct diags *d)
{
        const struct diag *first = diags_first_error(d);

        rest_problem(r, 422, fault_name(FAULT_CANT_REREAD), first ? first->message : NULL, d, NULL);
}

/* ---- bodies */

#define JSON_EACH_BYTE 5
#define JSON_EACH_MARK 128
#define JSON_BESIDES   (1u << 20) /* the heap grows by so much where its end cannot move */

/* jansson goes on with a buffer that did not grow. So what it can need is asked for first: a text
 * three times over while its buffer grows, and a value with its place for each mark. */
static bool has_room_for(const struct buf *body)
{
        size_t marks = 1;

        for (size_t i = 0; i < body->len; i++)
                marks += strchr(",:[{\"", body->data[i]) != NULL;
        void *room = malloc(body->len * JSON_EACH_BYTE + marks * JSON_EACH_MARK + JSON_BESIDES);
        free(room);
        return room != NULL;
}

json_t *rest_body(struct request *r)
{
        json_error_t why;
        json_t *body;

        if (!has_room_for(&r->body)) {
                rest_error(r, 503, "BUSY", "out of memory");
                return NULL;
        }
        if (r->body.len == 0)
                body = json_object();
        else
                body = json_loadb(r->body.data, r->body.len,
                                  JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
        /* jansson's macro asks for NULL a second time */
        if (json_is_object(body)) /* NOLINT(misc-redundant-expression) */
                return body;
        if (body)
                rest_error(r, 400, "BAD_REQUEST", "the body has to be a JSON object");
        else if (r->body.len == 0)
                rest_error(r, 503, "BUSY", "out of memory");
        else
                rest_error(r, 400, "BAD_REQUEST", "the body is no JSON: line %d: %s", why.line,
                           why.text);
        json_decref(body);
        return NULL;
}

bool rest_bool(struct request *r, const json_t *body, const char *key, bool *value)
{
        const json_t *v = json_object_get(body, key);

        if (!v || json_is_null(v))
                return true;
        if (!json_is_boolean(v)) {
                rest_error(r, 400, "BAD_REQUEST", "%s has to be true or false", key);
                return false;
        }
        *value = json_is_true(v);
        return true;
}

bool rest_wait(struct request *r, const json_t *body, bool *wait, double *timeout_s)
{
        const json_t *v = json_object_get(body, "timeout_s");

        *wait = true;
        *timeout_s = REST_TIMEOUT_S;
        if (!rest_bool(r, body, "wait", wait))
                return false;
        if (!v || json_is_null(v))
                return true;
        *timeout_s = json_number_value(v);
        if (json_is_number(v) && *timeout_s > 0 && *timeout_s <= REST_TIMEOUT_MAX_S)
                return true;
        rest_error(r, 400, "BAD_REQUEST", "timeout_s has to be seconds, above 0 and up to %d",
                   (int)REST_TIMEOUT_MAX_S);
        return false;
}
