/* The real calls of struct sys_process (sys/sys.h). */
#ifndef SYS_PROCESS_PIDFD_H
#define SYS_PROCESS_PIDFD_H

#include "sys/process/procfs.h"
#include "sys/sys.h"

extern const struct sys_process sys_process_real;

#endif
