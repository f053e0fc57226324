/* One line as a message of RFC 5424 or in the old form of syslog(3). */
#include "logs/syslog/syslog_message.h"

#include <string.h>
#include <time.h>

#include "logs/spool/quote_bytes.h"

#define APP_NAME_MOST 48
#define HOST_MOST     255

/* A field of the header: printable ASCII, "-" for nothing (RFC 5424, 6). */
static void put_field(struct buf *out, const char *text, size_t most)
{
        size_t len = text ? strnlen(text, most) : 0;

        if (!len)
                buf_putc(out, '-');
        for (size_t i = 0; i < len; i++)
                buf_putc(out, text[i] > ' ' && text[i] <= '~' ? text[i] : '_');
}

static void syslog_message_put_stamp(struct buf *out, int64_t wall_us)
{
        time_t seconds = (time_t)(wall_us / 1000000);
        struct tm tm = { 0 };
        char text[32];

        gmtime_r(&seconds, &tm);
        buf_put(out, text, strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm));
        buf_printf(out, ".%06dZ", (int)(wall_us % 1000000));
}

static void put_5424(struct buf *out, const struct syslog_head *h)
{
        buf_puts(out, "1 ");
        syslog_message_put_stamp(out, h->wall_us);
        buf_putc(out, ' ');
        put_field(out, h->host, HOST_MOST);
        buf_putc(out, ' ');
        put_field(out, h->conf->tag ? h->conf->tag : h->process, APP_NAME_MOST);
        if (h->pid > 0)
                buf_printf(out, " %d", (int)h->pid);
        else
                buf_puts(out, " -");
        buf_puts(out, h->is_stderr ? " stderr - " : " stdout - ");
}

/* The stamp has English months whatever the locale. */
static void put_bsd(struct buf *out, const struct syslog_head *h)
{
        static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
        time_t seconds = (time_t)(h->wall_us / 1000000);
        struct tm tm = { 0 };

        localtime_r(&seconds, &tm);
        buf_printf(out, "%.3s %2d %02d:%02d:%02d ", months + 3 * tm.tm_mon, tm.tm_mday, tm.tm_hour,
                   tm.tm_min, tm.tm_sec);
        if (!h->conf->tag) {
                buf_printf(out, "%s: ", h->ident);
                if (h->process)
                        buf_printf(out, "%s ", h->process);
                return;
        }
        buf_puts(out, h->conf->tag);
        if (h->pid > 0)
                buf_printf(out, "[%d]", (int)h->pid);
        buf_puts(out, ": ");
}

static bool is_ascii(const char *text, size_t len)
{
        for (size_t i = 0; i < len; i++)
                if ((unsigned char)text[i] >= 0x80)
                        return false;
        return true;
}

void syslog_message(struct buf *out, const struct syslog_head *h, struct syslog_part part,
                    const char *text, size_t len)
{
        bool modern = h->conf->format == SYSLOG_RFC5424;

        buf_printf(out, "<%d>", h->conf->facility * 8 + h->conf->level);
        (modern ? put_5424 : put_bsd)(out, h);
        /* The mark of a text known to be UTF-8 (6.4). ASCII is the same with and without. */
        if (modern && !is_ascii(text, len) && bytes_are_text(text, len))
                buf_puts(out, "\xef\xbb\xbf");
        if (part.goes_on)
                buf_puts(out, "... ");
        buf_put(out, text, len);
        if (part.is_cut)
                buf_puts(out, " ...");
}

size_t syslog_cut(const char *text, size_t len)
{
        size_t n = len;

        while (n > 0 && len - n < 3 && ((unsigned char)text[n - 1] & 0xc0) == 0x80)
                n--;
        if (n == 0 || ((unsigned char)text[n - 1] & 0xc0) != 0xc0)
                return len;
        /* text[n - 1] begins a sequence: is it whole? */
        unsigned char lead = (unsigned char)text[n - 1];
        size_t want = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
        return len - (n - 1) >= want || n == 1 ? len : n - 1;
}
