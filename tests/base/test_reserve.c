#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/reserve.h"

#define MIB (1 << 20)

/* All that can still be had, in pieces down to a kilobyte: a list through their first words. */
static void *take_all(void)
{
        void *list = NULL;

        for (size_t size = 64 * MIB; size >= 1024; size /= 2) {
                void **piece;
                while ((piece = malloc(size))) {
                        *piece = list;
                        list = piece;
                }
        }
        return list;
}

Test(reserve, gives_libev_what_the_system_does_not)
{
        struct rlimit old, few;

#ifdef __SANITIZE_ADDRESS__
        fputs("skipped: reserve::gives_libev_what_the_system_does_not: the sanitizer's own memory "
              "is limited, too\n",
              stderr);
        return;
#endif
        reserve_begin();
        cr_assert(reserve_refill());
        char *table = reserve_allocate(NULL, 1000);
        table[999] = 'x';
        getrlimit(RLIMIT_AS, &old);
        few = (struct rlimit){ .rlim_cur = 1024 * MIB, .rlim_max = old.rlim_max };
        cr_assert_eq(setrlimit(RLIMIT_AS, &few), 0);
        void **all = take_all();
        void *no = malloc(200000);
        cr_assert_null(no);
        char *grown = reserve_allocate(table, 200000);
        cr_assert_not_null(grown);
        cr_expect_eq(grown[999], 'x');
        setrlimit(RLIMIT_AS, &old);
        while (all) {
                void **next = *all;
                free(all);
                all = next;
        }
        cr_expect(reserve_refill());
        cr_expect_null(reserve_allocate(grown, 0));
}
