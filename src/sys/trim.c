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

/* Segments that are never written, in which a page is the file's and nothing else: relocated ones
 * are mapped writable first and say so. */
static int give_back(struct dl_phdr_info *object, size_t size, void *arg)
{
        uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

        (void)size, (void)arg;
        for (int i = 0; i < object->dlpi_phnum; i++) {
                const ElfW(Phdr) *h = &object->dlpi_phdr[i];
                if (h->p_type != PT_LOAD || h->p_flags & PF_W)
                        continue;
                uintptr_t from = (object->dlpi_addr + h->p_vaddr) & ~(page - 1);
                uintptr_t to = object->dlpi_addr + h->p_vaddr + h->p_memsz;
                madvise((void *)from, to - from, MADV_DONTNEED); /* or it stays: no harm */
        }
        return 0;
}

void memory_trim(void)
{
        malloc_trim(0);
        dl_iterate_phdr(give_back, NULL);
}
