/* Compressing a rotated log: a child of our own binary at the lowest priority, so that neither the
 * main loop nor the log thread spends time on it. logs/ says what and when, one file at a time. */
#ifndef ENGINE_RUN_GZIP_CHILD_H
#define ENGINE_RUN_GZIP_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

struct supervisor;

/* argv[1] of that child: it reads its standard input and writes its standard output. */
#define GZIP_FLAG "--compress-log"

bool gzip_child_begin(struct supervisor *s, int from, int to); /* takes both descriptors over */
/* The child's work: what `main` does when it sees GZIP_FLAG. The exit status. */
int gzip_child_main(void);

#endif
