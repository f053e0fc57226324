#include "sys/trim.h"

#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

void memory_share_heap(void)
{
        mallopt(M_ARENA_MAX, 1);
}

#define PIECES_MAX 64

/* Segments that are never written, in which a page is the file's and nothing else: relocated ones
 * are mapped writable first and say so. */
struct found {
        uintptr_t page;
        int count;
        struct piece {
                uintptr_t from, to;
        } pieces[PIECES_MAX]; /* what is beyond stays */
};

static int look(struct dl_phdr_info *object, size_t size, void *arg)
{
        struct found *f = arg;

        (void)size;
        for (int i = 0; i < object->dlpi_phnum && f->count < PIECES_MAX; i++) {
                const ElfW(Phdr) *h = &object->dlpi_phdr[i];
                if (h->p_type != PT_LOAD || h->p_flags & PF_W)
                        continue;
                uintptr_t from = object->dlpi_addr + h->p_vaddr;
                f->pieces[f->count++] = (struct piece){ from & ~(f->page - 1), from + h->p_memsz };
        }
        return 0;
}

/* All of them are known before the first one goes: the list is in there, too. */
void memory_trim(void)
{
        struct found f = { .page = (uintptr_t)sysconf(_SC_PAGESIZE) };

        malloc_trim(0);
        dl_iterate_phdr(look, &f);
        for (const struct piece *p = f.pieces; p < f.pieces + f.count; p++)
                madvise((void *)p->from, p->to - p->from, MADV_DONTNEED); /* or it stays */
}
