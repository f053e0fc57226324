/* Commands to the log thread that are about no stream. Included by logs/logs.h. */
#ifndef LOGS_COMMANDS_H
#define LOGS_COMMANDS_H

struct auto_claims;
struct logs;

/* Where syslog is from now on, for all streams; /dev/log until this is called. Copied. */
void logs_syslog_socket(struct logs *l, const char *path);
/* As logs_clean_auto, also what we have claimed, by the thread: before what is asked for later. */
void logs_clean(struct logs *l, const char *childlogdir, const char *identifier,
                const struct auto_claims *ours);

#endif
