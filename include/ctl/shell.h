/* The prompt: libedit on a terminal, plain lines from anywhere else (compat 21.1). */
#ifndef CTL_SHELL_H
#define CTL_SHELL_H

#include "ctl/ctl.h"

/* Show the status, then read and run commands until quit, end of input or Ctrl-C. */
void shell_run(struct ctl *c);

#endif
