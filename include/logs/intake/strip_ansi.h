/* Terminal escapes out of a log: strip_ansi of compat 15. Pure. */
#ifndef LOGS_INTAKE_STRIP_ANSI_H
#define LOGS_INTAKE_STRIP_ANSI_H

#include <stddef.h>

/* Removes every run from ESC [ up to one of H f A B C D R s u J K h l p m, in place. An unfinished
 * one goes to the end of the piece: nothing is remembered from one piece to the next. Returns the
 * new length. */
size_t strip_ansi(char *data, size_t len);

#endif
