#include "sys/statetable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define HEADER_SIZE 4096u
#define FIRST_SLOTS 32u
#define MAX_SLOTS   (1u << 20)

static const char magic[8] = "SVDSTATE";

struct header {
        char magic[8];
        uint32_t record_max;
        uint32_t spare;
        struct state_owner owner;
        uint64_t sum;
};

/* How many slots there ought to be, twice: behind the header, because growth changes it. */
struct extent {
        uint32_t slots, inverse;
};
#define EXTENT_AT 1024u

/* One copy of a record. sum 0: it is being written. */
struct copy {
        uint64_t sum, seq;
        uint32_t len, spare;
        char data[];
};

static size_t copy_size(const struct statetable *t)
{
        return sizeof(struct copy) + t->record_max;
}

static size_t size_for(const struct statetable *t, uint32_t slots)
{
        return HEADER_SIZE + (size_t)slots * 2 * copy_size(t);
}

static struct copy *copy_at(const struct statetable *t, uint32_t slot, unsigned which)
{
        return (struct copy *)(t->map + size_for(t, slot) + which * copy_size(t));
}

/* Every step can be undone, so that a single flipped bit always shows. */
static uint64_t mix(uint64_t sum, uint64_t word)
{
        sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        return sum ^ sum >> 32;
}

static uint64_t sum_of(uint64_t sum, const void *data, size_t len)
{
        const char *at = data;
        uint64_t word;

        for (; len >= sizeof word; at += sizeof word, len -= sizeof word) {
                memcpy(&word, at, sizeof word);
                sum = mix(sum, word);
        }
        if (len) {
                word = 0;
                memcpy(&word, at, len);
                sum = mix(sum, word);
        }
        return sum ? sum : 1;
}

static uint64_t copy_sum(uint32_t slot, uint64_t seq, uint32_t len, const void *data)
{
        return sum_of(mix(mix(slot + UINT64_C(1), seq), len), data, len);
}

/* ---- whose it is */

static bool read_boot_id(char *out, size_t size)
{
        AUTO_FD fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, out, size - 1);

        if (n <= 0)
                return false;
        out[n] = '\0';
        out[strcspn(out, "\n")] = '\0';
        return true;
}

bool state_owner_here(struct state_owner *out, struct err *e)
{
        struct stat st;

        *out = (struct state_owner){ .uid = geteuid() };
        if (!read_boot_id(out->boot_id, sizeof out->boot_id))
                return err_set(e, ERR_SYS, "learn which boot this is");
        if (stat("/proc/self/ns/pid", &st) < 0)
                return err_set(e, ERR_SYS, "learn which pid namespace this is");
        out->pid_namespace = st.st_ino;
        return true;
}

static uint64_t header_sum(const struct header *h)
{
        return sum_of(0, h, offsetof(struct header, sum));
}

/* NULL: it is ours; else what is wrong. */
static const char *foreign(const struct header *h, uint32_t record_max,
                           const struct state_owner *who)
{
        if (memcmp(h->magic, magic, sizeof magic) != 0)
                return "is no state table";
        if (h->sum != header_sum(h))
                return "is damaged";
        if (strcmp(h->owner.boot_id, who->boot_id) != 0)
                return "is of an earlier boot";
        if (h->owner.pid_namespace != who->pid_namespace)
                return "is of another pid namespace";
        if (h->owner.uid != who->uid)
                return "is another user's";
        if (h->owner.readable_by > who->version || h->record_max != record_max)
                return "is of another version";
        return NULL;
}

/* ---- slots */

static bool copy_is_good(const struct statetable *t, uint32_t slot, const struct copy *c)
{
        uint64_t sum = __atomic_load_n(&c->sum, __ATOMIC_ACQUIRE);

        return sum != 0 && c->len <= t->record_max &&
               sum == copy_sum(slot, c->seq, c->len, c->data);
}

/* A first record that a kill cut short was never there; a whole one that changed is damage. */
static void look_at(struct statetable *t, uint32_t slot)
{
        struct state_slot *s = &t->slots[slot];
        bool bad = false;

        *s = (struct state_slot){ 0 };
        for (uint8_t which = 0; which < 2; which++) {
                const struct copy *c = copy_at(t, slot, which);
                bool good = copy_is_good(t, slot, c);
                if (good && c->seq > s->seq)
                        *s = (struct state_slot){ .seq = c->seq, .len = c->len, .at = which };
                bad = bad || (!good && c->sum != 0);
        }
        if (bad && s->seq == 0)
                t->damaged++;
}

static bool slots_grow(struct statetable *t, uint32_t count)
{
        struct state_slot *slots = realloc(t->slots, count * sizeof *slots);

        if (!slots)
                return false;
        t->slots = slots;
        return true;
}

static bool map_file(struct statetable *t, uint32_t slots, struct err *e)
{
        size_t size = size_for(t, slots);

        if (!slots_grow(t, slots))
                return err_nomem(e);
        /* Blocks first: a full disk would be SIGBUS at a store. */
        int error = posix_fallocate(t->fd, 0, (off_t)size);
        if (error) {
                errno = error;
                return err_set(e, ERR_SYS, "reserve %zu bytes for %s", size, t->path);
        }
        void *map = t->map ? mremap(t->map, t->map_size, size, MREMAP_MAYMOVE)
                           : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, t->fd, 0);
        if (map == MAP_FAILED)
                return err_set(e, ERR_SYS, "map %s", t->path);
        t->map = map;
        t->map_size = size;
        for (uint32_t i = t->slot_count; i < slots; i++)
                look_at(t, i);
        t->slot_count = slots;
        return true;
}

static struct extent *extent_of(const struct statetable *t)
{
        return (struct extent *)(t->map + EXTENT_AT);
}

static void note_extent(struct statetable *t)
{
        *extent_of(t) = (struct extent){ t->slot_count, ~t->slot_count };
}

/* Slots that were cut off count as damaged. */
static void check_extent(struct statetable *t)
{
        const struct extent *was = extent_of(t);

        if (was->slots == ~was->inverse && was->slots > t->slot_count && was->slots <= MAX_SLOTS)
                t->damaged += was->slots - t->slot_count;
        note_extent(t);
}

/* ---- opening */

static void let_go(struct statetable *t)
{
        if (t->map)
                munmap(t->map, t->map_size);
        t->map = NULL;
        fd_close(&t->fd);
        free(t->slots);
        t->slots = NULL;
        t->slot_count = t->first_free = t->damaged = 0;
}

/* Written whole under another name: a table with half a header never exists. */
static bool make_file(struct statetable *t, const struct state_owner *who, struct err *e)
{
        AUTO_BUF fresh = BUF_INIT;
        struct header h = { .record_max = t->record_max, .owner = *who };

        memcpy(h.magic, magic, sizeof magic);
        h.sum = header_sum(&h);
        buf_printf(&fresh, "%s.new", t->path);
        if (fresh.failed)
                return err_nomem(e);
        unlink(fresh.data);
        t->fd = open(fresh.data, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (t->fd < 0)
                return err_set(e, ERR_SYS, "make %s", fresh.data);
        if (pwrite(t->fd, &h, sizeof h, 0) != (ssize_t)sizeof h)
                err_set(e, ERR_SYS, "write %s", fresh.data);
        else if (map_file(t, FIRST_SLOTS, e)) {
                note_extent(t);
                if (rename(fresh.data, t->path) == 0)
                        return true;
                err_set(e, ERR_SYS, "rename %s", fresh.data);
        }
        unlink(fresh.data);
        return false;
}

/* NULL: mapped and ours; else why not. */
static const char *take_file(struct statetable *t, const struct state_owner *who, struct err *e)
{
        struct header h;
        struct stat st;

        if (fstat(t->fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1)
                return "is no ordinary file";
        if (st.st_uid != who->uid || (st.st_mode & 077))
                return "may be written by others";
        if (pread(t->fd, &h, sizeof h, 0) != (ssize_t)sizeof h)
                return "is too short";
        const char *why = foreign(&h, t->record_max, who);
        if (why)
                return why;
        size_t pair = 2 * copy_size(t);
        if ((size_t)st.st_size < size_for(t, 1))
                return "is too short";
        size_t slots = ((size_t)st.st_size - HEADER_SIZE) / pair;
        if (slots > MAX_SLOTS || (size_t)st.st_size != size_for(t, (uint32_t)slots))
                return "has an impossible size";
        if (!map_file(t, (uint32_t)slots, e))
                return e->text;
        check_extent(t);
        return NULL;
}

static void set_aside(struct statetable *t, const char *why, struct buf *said)
{
        AUTO_BUF aside = BUF_INIT;

        buf_printf(&aside, "%s.aside", t->path);
        if (!aside.failed && rename(t->path, aside.data) == 0) {
                buf_printf(said, "%s %s: set aside as %s, starting without it", t->path, why,
                           aside.data);
                return;
        }
        buf_printf(said, "%s %s: removed, starting without it", t->path, why);
        unlink(t->path);
}

bool statetable_open(struct statetable *t, const char *path, uint32_t record_max,
                     const struct state_owner *who, struct buf *said, struct err *e)
{
        struct err why_not = { 0 };

        *t = (struct statetable){ .fd = -1,
                                  .path = strdup(path),
                                  .record_max = (record_max + 7) & ~7u };
        if (!t->path)
                return err_nomem(e);
        t->fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (t->fd >= 0 || errno != ENOENT) {
                const char *why = t->fd < 0 ? strerror(errno) : take_file(t, who, &why_not);
                if (!why)
                        return true;
                let_go(t);
                set_aside(t, why, said);
        }
        if (make_file(t, who, e))
                return true;
        statetable_close(t);
        return false;
}

void statetable_close(struct statetable *t)
{
        if (!t->path)
                return;
        let_go(t);
        free(t->path);
        t->path = NULL;
}

void statetable_remove(struct statetable *t)
{
        if (!t->path)
                return;
        unlink(t->path);
        statetable_close(t);
}

/* ---- records */

size_t statetable_read(const struct statetable *t, uint32_t slot, void *out, size_t size)
{
        const struct state_slot *s = &t->slots[slot];

        memset(out, 0, size);
        if (slot >= t->slot_count || s->len == 0)
                return 0;
        size_t len = s->len < size ? s->len : size;
        memcpy(out, copy_at(t, slot, s->at)->data, len);
        return len;
}

/* The older copy is replaced; until its sum is there, the newer one counts. */
static void put(struct statetable *t, uint32_t slot, const void *record, uint32_t len)
{
        struct state_slot *s = &t->slots[slot];
        uint8_t which = !s->at;
        struct copy *c = copy_at(t, slot, which);

        __atomic_store_n(&c->sum, 0, __ATOMIC_RELAXED);
        __atomic_thread_fence(__ATOMIC_RELEASE);
        c->seq = s->seq + 1;
        c->len = len;
        memcpy(c->data, record, len);
        __atomic_store_n(&c->sum, copy_sum(slot, c->seq, len, c->data), __ATOMIC_RELEASE);
        *s = (struct state_slot){ .seq = c->seq, .len = len, .at = which };
}

void statetable_write(struct statetable *t, uint32_t slot, const void *record, uint32_t len)
{
        if (slot < t->slot_count && len > 0 && len <= t->record_max)
                put(t, slot, record, len);
}

void statetable_drop(struct statetable *t, uint32_t slot)
{
        if (slot >= t->slot_count || t->slots[slot].len == 0)
                return;
        put(t, slot, "", 0);
        if (slot < t->first_free)
                t->first_free = slot;
}

uint32_t statetable_add(struct statetable *t, const void *record, uint32_t len, struct err *e)
{
        uint32_t slot = t->first_free;

        if (len == 0 || len > t->record_max) {
                err_set(e, ERR_USAGE, "a record of %u bytes does not fit", len);
                return STATE_NO_SLOT;
        }
        while (slot < t->slot_count && t->slots[slot].len)
                slot++;
        t->first_free = slot;
        if (slot == t->slot_count) {
                if (t->slot_count >= MAX_SLOTS) {
                        err_set(e, ERR_USAGE, "the state table is full");
                        return STATE_NO_SLOT;
                }
                if (!map_file(t, t->slot_count * 2, e))
                        return STATE_NO_SLOT;
                note_extent(t);
        }
        put(t, slot, record, len);
        t->first_free = slot + 1;
        return slot;
}
