#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sys/trim.h"

static const char *const words[] = { "one", "two", "three" }; /* relocated where we are loaded */

static long resident(void)
{
        long pages = 0;
        FILE *f = fopen("/proc/self/statm", "r");

        cr_assert(f && fscanf(f, "%*d %ld", &pages) == 1);
        fclose(f);
        return pages;
}

Test(trim, gives_back_what_was_freed_and_harms_nothing)
{
        char *held[64];
        static char changed[] = "as it was";

        changed[0] = 'A';
        for (int i = 0; i < 64; i++) {
                held[i] = malloc(100000); /* below what is mapped for itself */
                cr_assert(held[i]);
                memset(held[i], 1, 100000);
        }
        char *last = strdup("kept"); /* above them: the heap cannot just become shorter */
        for (int i = 0; i < 64; i++)
                free(held[i]);
        long before = resident();
        memory_trim();
        cr_expect_leq(resident(), before);
        cr_expect_str_eq(last, "kept");
        cr_expect_str_eq(words[2], "three");
        cr_expect_str_eq(changed, "As it was");
        free(last);
}
