/* Any bytes as the main configuration file: the reader, the expansion, the option tables and all
 * checks. Nothing may crash, leak or hang; what is refused has a text. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/config/config.h"

struct paper {
        struct host ops; /* first: cast back */
        const uint8_t *data;
        size_t size;
};

static bool read_file(const struct host *w, const char *path, enum file_kind kind, struct buf *out,
                      struct err *e)
{
        const struct paper *p = (const struct paper *)w;

        (void)path, (void)kind;
        buf_put(out, p->data, p->size);
        return !out->failed || err_nomem(e);
}

/* One included file, and it is the main one again. */
static bool glob_one(const struct host *w, const char *pattern, struct strlist *out, struct err *e)
{
        (void)w;
        return strchr(pattern, '*') || strlist_add(out, pattern) || err_nomem(e);
}

static bool yes(const struct host *w, const char *path)
{
        (void)w;
        return strlen(path) % 3 != 0;
}

static bool user(const struct host *w, const char *name, struct account *out, struct err *e)
{
        (void)w;
        *out = (struct account){ .uid = 7, .gid = 7, .name = "u", .home = "/home/u" };
        return name[0] == 'u' || name[0] == '7' || err_set(e, ERR_NOENT, "no user");
}

static bool group(const struct host *w, const char *name, gid_t *out, struct err *e)
{
        (void)w;
        *out = 7;
        return name[0] == 'g' || err_set(e, ERR_NOENT, "no group");
}

static bool resolve(const struct host *w, const char *host, struct strlist *out, struct err *e)
{
        (void)w;
        if (host[0] != 'h')
                return err_set(e, host[1] ? ERR_NOENT : ERR_BUSY, "no host");
        return (strlist_add(out, "10.0.0.1") && strlist_add(out, "::1")) || err_nomem(e);
}

/* A count that is only large costs time, not insight. */
static bool is_patient(const uint8_t *data, size_t size)
{
        size_t digits = 0;

        for (size_t i = 0; i < size; i++) {
                digits = data[i] >= '0' && data[i] <= '9' ? digits + 1
                         : data[i] == '_'                 ? digits
                                                          : 0;
                if (digits > 3)
                        return false;
        }
        return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const env[] = { "HOME=/root", "A=1", NULL };
        struct paper p = { .ops = { .environ = env,
                                    .hostname = "box",
                                    .cwd = "/work",
                                    .tmpdir = "/tmp",
                                    .read_file = read_file,
                                    .glob = glob_one,
                                    .is_dir = yes,
                                    .is_file = yes,
                                    .user = user,
                                    .group = group,
                                    .resolve = resolve },
                           .data = data,
                           .size = size };

        if (!is_patient(data, size))
                return 0;
        for (int want = WANT_DAEMON; want <= WANT_CTL; want++) {
                struct diags diags = { 0 };
                struct config *c = config_load("/etc/x.conf", want, NULL, 0, &p.ops, &diags);
                assert(c || diags.failed || (diags.errors && *diags_first_error(&diags)->message));
                config_free(c);
                diags_release(&diags);
        }
        return 0;
}
