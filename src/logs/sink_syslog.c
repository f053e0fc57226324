#include "sink_syslog.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"

#define PRIORITY 14 /* facility USER (1), priority INFO (6) */

struct sink_syslog {
        char *ident; /* owned */
        struct sockaddr_un to;
        int fd;
        uint64_t lost, untold;
};

struct sink_syslog *sink_syslog_new(const char *ident, const char *socket_path)
{
        struct sink_syslog *s = calloc(1, sizeof *s);

        if (!s)
                return NULL;
        s->fd = -1;
        s->to.sun_family = AF_UNIX;
        strncpy(s->to.sun_path, socket_path ? socket_path : "/dev/log", sizeof s->to.sun_path - 1);
        s->ident = strdup(ident);
        if (s->ident)
                return s;
        sink_syslog_free(s);
        return NULL;
}

void sink_syslog_free(struct sink_syslog *s)
{
        if (!s)
                return;
        fd_close(&s->fd);
        free(s->ident);
        free(s);
}

uint64_t sink_syslog_lost(const struct sink_syslog *s)
{
        return s->lost;
}

static bool connected(struct sink_syslog *s)
{
        if (s->fd >= 0)
                return true;
        s->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (s->fd >= 0 && connect(s->fd, (struct sockaddr *)&s->to, sizeof s->to) == 0)
                return true;
        fd_close(&s->fd);
        return false;
}

/* A daemon that was restarted has another socket: one fresh attempt. */
static bool send_once(struct sink_syslog *s, const struct buf *message)
{
        for (int attempt = 0; attempt < 2; attempt++) {
                if (!connected(s))
                        return false;
                if (send(s->fd, message->data, message->len, MSG_NOSIGNAL) >= 0)
                        return true;
                if (errno == EAGAIN || errno == ENOBUFS || errno == EMSGSIZE)
                        return false;
                fd_close(&s->fd);
        }
        return false;
}

/* The time as RFC 3164 has it, whatever the locale. */
static void put_head(struct sink_syslog *s, struct buf *out)
{
        static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
        time_t now = time(NULL);
        struct tm tm = { 0 };

        localtime_r(&now, &tm);
        buf_printf(out, "<%d>%.3s %2d %02d:%02d:%02d %s: ", PRIORITY, months + 3 * tm.tm_mon,
                   tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, s->ident);
}

static bool send_text(struct sink_syslog *s, const char *text, size_t len)
{
        AUTO_BUF message = BUF_INIT;

        put_head(s, &message);
        buf_put(&message, text, len);
        return !message.failed && send_once(s, &message);
}

static void tell_lost(struct sink_syslog *s)
{
        AUTO_BUF text = BUF_INIT;

        buf_printf(&text, "%llu lines were lost here", (unsigned long long)s->untold);
        if (!text.failed && send_text(s, text.data, text.len))
                s->untold = 0;
}

void sink_syslog_line(struct sink_syslog *s, const char *text, size_t len)
{
        if (s->untold)
                tell_lost(s);
        if (!s->untold && send_text(s, text, len))
                return;
        s->lost++;
        s->untold++;
}
