/* Where in its stream a file begins, also where a previous instance wrote to it. */
#include "logs/store/outlet_locate.h"

#include <inttypes.h>
#include <sys/stat.h>

#include "logs/intake/channel.h"
#include "logs/intake/ledger.h"

/* A pipe holds a MiB at most, and a batch is what several reads of it find. */
#define LAST_BATCH_MAX (8 << 20)

/* How much more of ours there is in files than the previous instance has counted: in the file that
 * it wrote to, which may have become a backup since, and in those that came after it. Below 0: that
 * cannot be told. */
static int64_t outlet_locate_uncounted(const struct outlet *o, const struct stat *present,
                                       uint32_t *rotations)
{
        struct sys *sys = o->writer->core->sys;
        int64_t size = present->st_size;
        struct stat st = *present;

        *rotations = 0;
        while (st.st_ino != o->inode) {
                AUTO_BUF path = BUF_INIT;
                buf_printf(&path, "%s.%" PRIu32, o->writer->file.path, ++*rotations);
                if (path.failed || sys->stat_file(sys, path.data, &st) < 0)
                        return -1;
                size += st.st_size;
                if (size > LAST_BATCH_MAX && st.st_ino != o->inode)
                        return -1;
        }
        return size - ((int64_t)o->written - o->base);
}

/* Nothing that another program did to the file looks like a last batch, except by chance. */
static void count_last_batch(struct outlet *o, const struct stat *present)
{
        uint32_t rotations;
        int64_t more = outlet_locate_uncounted(o, present, &rotations);

        o->resumed = false;
        if ((more < 0 || more > LAST_BATCH_MAX) && o->channel && o->channel->shown)
                ledger_box_begin(o->channel->shown, 0); /* offsets of before mean other bytes */
        if (more <= 0 || more > LAST_BATCH_MAX)
                return;
        uint64_t n = (uint64_t)more, known = n < o->rest_lost ? n : o->rest_lost;
        o->written += n;
        o->dropped -= known;
        o->read += n - known;
        o->rotations += rotations;
}

/* One that no other stream had open may have been rotated in the opening. */
void outlet_joined(struct outlet *o)
{
        if (o->writer)
                o->counted = o->writer->users > 1 ? o->writer->file.rotations : 0;
}

void outlet_count(struct outlet *o)
{
        if (!o->writer)
                return;
        o->rotations += o->writer->file.rotations - o->counted;
        o->counted = o->writer->file.rotations;
}

void outlet_locate(struct outlet *o)
{
        struct writer *w = o->writer;
        struct stat st;

        outlet_count(o);
        if (!w || o->seen == w->file.generation)
                return;
        if (w->core->sys->fstat(w->core->sys, w->file.out.fd, &st) < 0)
                return;
        o->seen = w->file.generation;
        if (o->resumed)
                count_last_batch(o, &st);
        o->inode = S_ISREG(st.st_mode) ? st.st_ino : 0;
        o->base = (int64_t)o->written - st.st_size;
}
