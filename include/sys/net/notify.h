/* What a service manager is told (sd_notify(3)): one datagram to $NOTIFY_SOCKET. */
#ifndef SYS_NET_NOTIFY_H
#define SYS_NET_NOTIFY_H

#include <stdbool.h>

/* path: an absolute one, or "@name" for an abstract socket. Never waits; false: errno. */
bool notify_send(const char *path, const char *text);
/* For many of them; -1: errno. */
int notify_open(const char *path);
/* With copies of up to NOTIFY_FDS_MAX descriptors. Never waits; false: errno. */
#define NOTIFY_FDS_MAX 4
bool notify_put(int socket, const char *text, const int *fds, int count);

#endif
