/* What a service manager is told (sd_notify(3)): one datagram to $NOTIFY_SOCKET. */
#ifndef SYS_NOTIFY_H
#define SYS_NOTIFY_H

#include <stdbool.h>

/* path: an absolute one, or "@name" for an abstract socket. Never waits; false: errno. */
bool notify_send(const char *path, const char *text);

#endif
