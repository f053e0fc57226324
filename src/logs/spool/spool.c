/* The spool file: taking bytes from a pipe, the position with its two places, the label, and
 * cutting. The steps and why they are safe are in spool.h. Nothing here knows what is made of the
 * bytes. */
#include "logs/spool/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fault_point.h"
#include "base/hash.h"
#include "logs/intake/channel.h"
#include "logs/intake/conf_copy.h"

#define MAGIC      UINT64_C(0x31306c6f6f707373)
#define VERSION    1
#define POS_AT     0   /* two positions, this far apart */
#define POS_SIZE   128 /* room for fields to come */
#define LABEL_AT   512 /* two labels, this far apart */
#define LABEL_SIZE 1792
#define TEXT_MOST  (LABEL_SIZE - sizeof(struct label_head))
#define TRIM_AT    (SPOOL_HEAD + 524288) /* small: its pages are used again while they are warm */
#define COPY_SIZE  4096
#define NAMES_MOST 1000 /* files of one pipe, should they be left over */

struct label_head {
        uint64_t magic, sum; /* sum: of what follows */
        uint32_t version, len;
        char boot[40];
        uint64_t pipe;
        int64_t maxbytes, capture_maxbytes;
        int32_t backups;
        uint8_t every, compress, is_auto, is_stderr;
};

_Static_assert(sizeof(struct spool_pos) <= POS_SIZE, "two positions must not overlap");
_Static_assert(LABEL_AT + 2 * LABEL_SIZE <= SPOOL_HEAD, "labels must not reach into the bytes");

/* ---- bytes, whole */

static bool spool_write_all(struct spool *sp, const void *data, size_t len, uint64_t at)
{
        for (size_t done = 0; done < len;) {
                ssize_t n = sp->sys->pwrite(sp->sys, sp->fd, (const char *)data + done, len - done,
                                            (off_t)(at + done));
                if (n < 0 && errno == EINTR)
                        continue;
                if (n == 0)
                        errno = ENOSPC;
                if (n <= 0)
                        return false;
                done += (size_t)n;
        }
        return true;
}

bool spool_read(struct spool *sp, uint64_t at, char *data, size_t len)
{
        for (size_t done = 0; done < len;) {
                ssize_t n =
                    sp->sys->pread(sp->sys, sp->fd, data + done, len - done, (off_t)(at + done));
                if (n < 0 && errno == EINTR)
                        continue;
                if (n == 0)
                        errno = EIO;
                if (n <= 0)
                        return false;
                done += (size_t)n;
        }
        return true;
}

/* ---- the position */

void spool_record(struct spool *sp)
{
        struct spool_pos *p = &sp->pos;

        p->seq++;
        p->sum = hash_bytes(0, p, offsetof(struct spool_pos, sum));
        if (!spool_write_all(sp, p, sizeof *p, POS_AT + p->seq % 2 * POS_SIZE))
                sp->broken = true;
}

static bool read_pos(struct spool *sp)
{
        struct spool_pos p;

        for (int i = 0; i < 2; i++)
                if (spool_read(sp, POS_AT + (uint64_t)i * POS_SIZE, (char *)&p, sizeof p) &&
                    p.sum == hash_bytes(0, &p, offsetof(struct spool_pos, sum)) &&
                    p.seq > sp->pos.seq)
                        sp->pos = p;
        const struct spool_pos *got = &sp->pos;
        return got->seq && got->src >= SPOOL_HEAD && got->src <= got->to && got->to <= sp->size &&
               got->cut <= sp->size && got->label < 2;
}

/* ---- labels */

static bool write_label(struct spool *sp, int which, const struct spool_label *l)
{
        const struct stream_conf *c = &l->conf;
        size_t process = strlen(c->process) + 1, path = strlen(c->path) + 1;
        char bytes[LABEL_SIZE] = { 0 };
        const uint32_t owner = c->owner;
        struct label_head h = { .magic = MAGIC,
                                .version = VERSION,
                                .pipe = l->pipe,
                                .maxbytes = c->maxbytes,
                                .capture_maxbytes = c->capture_maxbytes,
                                .backups = c->backups,
                                .every = (uint8_t)c->rotate_every,
                                .compress = c->compress,
                                .is_auto = c->is_auto,
                                .is_stderr = c->is_stderr };

        if (process + path + sizeof owner + 1 > TEXT_MOST) {
                errno = ENAMETOOLONG;
                return false;
        }
        h.len = (uint32_t)(sizeof h + process + path + sizeof owner + 1);
        memcpy(h.boot, l->boot, sizeof h.boot);
        memcpy(bytes + sizeof h, c->process, process);
        memcpy(bytes + sizeof h + process, c->path, path);
        memcpy(bytes + sizeof h + process + path, &owner, sizeof owner);
        memcpy(bytes, &h, sizeof h);
        size_t from = offsetof(struct label_head, version);
        h.sum = hash_bytes(0, bytes + from, h.len - from);
        memcpy(bytes, &h, sizeof h);
        return spool_write_all(sp, bytes, h.len, LABEL_AT + (uint64_t)which * LABEL_SIZE);
}

static bool spool_fits(const struct label_head *h, const char *bytes)
{
        size_t from = offsetof(struct label_head, version);

        return h->magic == MAGIC && h->version == VERSION && h->len > sizeof *h &&
               h->len <= LABEL_SIZE && h->sum == hash_bytes(0, bytes + from, h->len - from) &&
               bytes[h->len - 1] == '\0';
}

static bool read_label(struct spool *sp, struct spool_label *out, struct err *e)
{
        char bytes[LABEL_SIZE + 1] = { 0 };
        struct label_head h;
        uint64_t at = LABEL_AT + (uint64_t)sp->pos.label * LABEL_SIZE;

        if (!spool_read(sp, at, bytes, LABEL_SIZE))
                return err_set(e, ERR_SYS, "read %s", sp->path);
        memcpy(&h, bytes, sizeof h);
        if (!spool_fits(&h, bytes))
                return err_set(e, ERR_PROTOCOL, "%s is damaged, or of another version", sp->path);
        const char *process = bytes + sizeof h;
        const char *behind = strchr(process + strlen(process) + 1, '\0') + 1;
        uint32_t owner = 0; /* labels of before had none */
        if ((size_t)(behind - bytes) + sizeof owner < h.len)
                memcpy(&owner, behind, sizeof owner);
        const struct stream_conf conf = { .owner = owner,
                                          .process = process,
                                          .path = process + strlen(process) + 1,
                                          .is_stderr = h.is_stderr,
                                          .is_auto = h.is_auto,
                                          .maxbytes = h.maxbytes,
                                          .capture_maxbytes =
                                              sp->pos.captures ? h.capture_maxbytes : 0,
                                          .backups = h.backups,
                                          .rotate_every = (enum rotate_every)h.every,
                                          .compress = h.compress,
                                          .strip_ansi = sp->pos.strips,
                                          .format = (enum log_format)sp->pos.format };
        *out = (struct spool_label){ .pipe = h.pipe };
        memcpy(out->boot, h.boot, sizeof out->boot);
        return stream_conf_copy(&out->conf, &conf, NULL, e);
}

bool spool_relabel(struct spool *sp, const struct spool_label *label)
{
        uint8_t other = !sp->pos.label;

        if (!write_label(sp, other, label))
                return false;
        sp->pos.label = other;
        sp->label_old = false;
        return true;
}

/* ---- life */

void spool_close(struct spool *sp)
{
        if (!sp)
                return;
        if (sp->fd >= 0)
                sp->sys->close(sp->sys, sp->fd);
        free(sp->path);
        free(sp);
}

void spool_remove(struct spool *sp)
{
        if (sp && sp->fd >= 0)
                sp->sys->unlink(sp->sys, sp->path);
        spool_close(sp);
}

static struct spool *spool_alloc(struct sys *sys, const char *path, struct err *e)
{
        struct spool *sp = calloc(1, sizeof *sp);

        if (sp)
                sp->path = strdup(path);
        if (!sp || !sp->path) {
                free(sp);
                err_nomem(e);
                return NULL;
        }
        sp->sys = sys;
        sp->fd = -1;
        return sp;
}

/* A name that is not taken: an earlier pipe may have had the same number. */
static bool spool_create(struct spool *sp, const char *dir, uint64_t pipe)
{
        for (int i = 0; i < NAMES_MOST; i++) {
                char *path = NULL;
                if (asprintf(&path, "%s/" SPOOL_PREFIX "%llu.%d", dir, (unsigned long long)pipe,
                             i) < 0)
                        return false;
                free(sp->path);
                sp->path = path;
                sp->fd = sp->sys->open(sp->sys, path, O_RDWR | O_CREAT | O_EXCL, 0600);
                if (sp->fd >= 0 || errno != EEXIST)
                        return sp->fd >= 0;
        }
        return false;
}

struct spool *spool_new(struct sys *sys, const char *dir, const struct spool_label *label,
                        struct err *e)
{
        struct spool *sp = spool_alloc(sys, dir, e);

        if (!sp)
                return NULL;
        sp->pipe = label->pipe;
        sp->size = sp->scanned = SPOOL_HEAD;
        sp->pos = (struct spool_pos){ .src = SPOOL_HEAD,
                                      .to = SPOOL_HEAD,
                                      .pid = label->pid,
                                      .format = (uint8_t)label->conf.format,
                                      .strips = label->conf.strip_ansi,
                                      .captures = label->conf.capture_maxbytes > 0 };
        bool fine = spool_create(sp, dir, label->pipe) && write_label(sp, 0, label) &&
                    sys->ftruncate(sys, sp->fd, SPOOL_HEAD) == 0;
        if (fine)
                spool_record(sp);
        if (fine && !sp->broken)
                return sp;
        err_set(e, ERR_SYS, "make %s", sp->path);
        spool_remove(sp);
        return NULL;
}

static bool finish_cut(struct spool *sp)
{
        if (!sp->pos.cut)
                return true;
        sp->size = sp->pos.cut;
        if (sp->sys->ftruncate(sp->sys, sp->fd, (off_t)sp->size) < 0)
                return false;
        sp->pos.cut = 0;
        spool_record(sp);
        return !sp->broken;
}

static bool read_head(struct spool *sp, struct spool_label *label_out, struct err *e)
{
        struct stat st;

        if (sp->sys->fstat(sp->sys, sp->fd, &st) < 0)
                return err_set(e, ERR_SYS, "look at %s", sp->path);
        sp->size = (uint64_t)st.st_size;
        if (sp->size < SPOOL_HEAD) /* not begun: nothing was taken yet */
                return err_set(e, ERR_NOENT, "%s is empty", sp->path);
        if (!read_pos(sp))
                return sp->size == SPOOL_HEAD ? err_set(e, ERR_NOENT, "%s is empty", sp->path)
                                              : err_set(e, ERR_PROTOCOL, "%s is damaged", sp->path);
        return read_label(sp, label_out, e);
}

bool spool_look(const char *path, struct spool_view *out, struct err *e)
{
        struct sys *sys = sys_real();
        struct spool *sp = spool_alloc(sys, path, e);
        struct spool_label label;

        *out = (struct spool_view){ 0 };
        if (!sp)
                return false;
        sp->fd = sys->open(sys, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
        bool ok = sp->fd >= 0 ? read_head(sp, &label, e) : err_set(e, ERR_SYS, "open %s", path);
        if (ok) {
                uint64_t end = sp->pos.cut ? sp->pos.cut : sp->size;
                *out = (struct spool_view){ .pipe = label.pipe,
                                            .waits = end > sp->pos.src ? end - sp->pos.src : 0,
                                            .under_way = sp->pos.under_way };
                stream_conf_release(&label.conf);
        }
        spool_close(sp);
        return ok || e->code == ERR_NOENT;
}

struct spool *spool_open(struct sys *sys, const char *path, struct spool_label *label_out,
                         struct err *e)
{
        struct spool *sp = spool_alloc(sys, path, e);

        if (!sp)
                return NULL;
        sp->fd = sys->open(sys, path, O_RDWR, 0);
        if (sp->fd < 0)
                err_set(e, ERR_SYS, "open %s", path);
        else if (read_head(sp, label_out, e)) {
                if (finish_cut(sp)) {
                        sp->pipe = label_out->pipe;
                        sp->scanned = sp->pos.src;
                        return sp;
                }
                err_set(e, ERR_SYS, "cut %s", sp->path);
                stream_conf_release(&label_out->conf);
        }
        spool_close(sp);
        return NULL;
}

/* ---- use */

ssize_t spool_take(struct spool *sp, int pipe, size_t most)
{
        ssize_t n;

        do
                n = sp->sys->splice(sp->sys, pipe, sp->fd, (off_t)sp->size, most);
        while (n < 0 && errno == EINTR);
        if (n > 0)
                sp->size += (uint64_t)n;
        return n;
}

size_t spool_waiting(const struct spool *sp)
{
        return (size_t)(sp->size - sp->pos.to);
}

void spool_done(struct spool *sp)
{
        struct spool_pos *p = &sp->pos;

        if (sp->to_be_claimed) {
                sp->redone = true;
                return;
        }
        p->src = p->to;
        p->inside = sp->next_inside;
        p->goes_on = sp->next_goes_on;
        p->under_way = 0;
        if (sp->scanned < p->src)
                sp->scanned = p->src;
        fault_point("spool.done");
        spool_record(sp);
}

static bool copy_down(struct spool *sp, uint64_t from, size_t len)
{
        char data[COPY_SIZE];

        for (size_t done = 0; done < len;) {
                size_t n = len - done < sizeof data ? len - done : sizeof data;
                if (!spool_read(sp, from + done, data, n) ||
                    !spool_write_all(sp, data, n, SPOOL_HEAD + done))
                        return false;
                done += n;
        }
        return true;
}

void spool_trim(struct spool *sp)
{
        struct spool_pos *p = &sp->pos;
        size_t left = spool_waiting(sp);
        uint64_t moved = p->src - SPOOL_HEAD;

        if (p->under_way || sp->broken || sp->size < TRIM_AT || left > moved ||
            !copy_down(sp, p->src, left))
                return;
        p->cut = SPOOL_HEAD + left;
        p->src = p->to = SPOOL_HEAD;
        sp->scanned -= moved;
        if (sp->flush_at)
                sp->flush_at -= moved;
        fault_point("spool.moved");
        spool_record(sp);
        fault_point("spool.trimmed");
        if (sp->broken)
                sp->size = p->cut;
        else if (!finish_cut(sp))
                sp->broken = true;
}
