/* A file as a whole, for tests that damage it. */
#ifndef TESTS_SYS_WHOLE_FILE_H
#define TESTS_SYS_WHOLE_FILE_H

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

/* The caller frees it. */
static char *slurp(const char *path, size_t *size_out)
{
        struct stat st;
        AUTO_FD fd = open(path, O_RDONLY);

        cr_assert(fd >= 0 && fstat(fd, &st) == 0);
        char *data = malloc((size_t)st.st_size);
        cr_assert_eq(read(fd, data, (size_t)st.st_size), st.st_size);
        *size_out = (size_t)st.st_size;
        return data;
}

static void spill(const char *path, const char *data, size_t size)
{
        AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

        cr_assert(fd >= 0 && fd_write_all(fd, data, size));
}

#endif
