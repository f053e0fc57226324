/* AUTO logs: their names, and the removal of those that earlier daemons left. compat 10 and 15. */
#include "logs/store/auto_path.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/path.h"
#include "logs/logs.h"
#include "sys/store/guarded.h"

#define RANDOM_CHARS 8

static bool put_random(struct buf *out)
{
        static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
        unsigned char bytes[RANDOM_CHARS];

        if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
                return false;
        for (size_t i = 0; i < sizeof bytes; i++)
                buf_putc(out, alphabet[bytes[i] % (sizeof alphabet - 1)]);
        return true;
}

char *logs_auto_path(const char *childlogdir, const char *process, bool is_stderr,
                     const char *identifier, struct err *e)
{
        AUTO_BUF path = BUF_INIT;

        buf_printf(&path, "%s/%s-%s---%s-", childlogdir, process, is_stderr ? "stderr" : "stdout",
                   identifier);
        bool fine = put_random(&path);
        buf_puts(&path, ".log");
        char *text = fine ? buf_take(&path) : NULL;
        if (!text)
                err_nomem(e);
        return text;
}

/* "" or a backup's suffix: .1, .23, .4.gz, and .gz.part while it is made */
static bool is_backup_suffix(const char *s)
{
        if (!*s || strcmp(s, ".gz.part") == 0)
                return true;
        size_t digits = s[0] == '.' ? strspn(s + 1, "0123456789") : 0;
        return digits && (!s[1 + digits] || strcmp(s + 1 + digits, ".gz") == 0);
}

/* What follows the identifier is `-<non-blank>.log`, perhaps with a backup's suffix: the length up
 * to that. 0: it is something else. */
static size_t auto_end(const char *s)
{
        size_t word = 0;

        while (s[word] && !isspace((unsigned char)s[word]))
                word++;
        for (size_t i = 1; i + 4 <= word; i++)
                if (memcmp(s + i, ".log", 4) == 0 && is_backup_suffix(s + i + 4))
                        return i + 4;
        return 0;
}

/* The length of the name without a backup's suffix; 0: it is no AUTO log's. */
static size_t auto_name(const char *name, const char *mark)
{
        for (const char *at = strstr(name, mark); at; at = strstr(at + 1, mark)) {
                const char *rest = at + strlen(mark);
                size_t n = at > name ? auto_end(rest) : 0;
                if (n)
                        return (size_t)(rest - name) + n;
        }
        return 0;
}

static bool is_spared(const char *path, const char *const *spare)
{
        for (; spare && *spare; spare++) {
                size_t n = strlen(*spare);
                if (strncmp(path, *spare, n) == 0 && is_backup_suffix(path + n))
                        return true;
        }
        return false;
}

static void clean_one(DIR *d, const char *dir, const char *name, const char *const *spare,
                      struct log *log)
{
        AUTO_BUF path = BUF_INIT;

        buf_printf(&path, "%s/%s", dir, name);
        if (path.failed || is_spared(path.data, spare))
                return;
        if (unlinkat(dirfd(d), name, 0) < 0 && errno != ENOENT)
                log_line(log, LVL_WARN, "Failed to clean up '%s'", path.data);
}

void logs_clean_auto(const char *childlogdir, const char *identifier, const char *const *spare,
                     const struct auto_claims *ours, struct log *log)
{
        AUTO_BUF mark = BUF_INIT;
        DIR *dir = guarded_opendir(childlogdir, NULL);

        buf_printf(&mark, "---%s-", identifier);
        if (!dir || mark.failed) {
                log_line(log, LVL_WARN, "Could not clear childlog dir");
                if (dir)
                        closedir(dir);
                return;
        }
        int holder = ours->dir && strcmp(ours->dir, childlogdir) == 0 ? ours->fd : dirfd(dir);
        for (struct dirent *d = readdir(dir); d; d = readdir(dir)) {
                size_t n = auto_name(d->d_name, mark.data);
                if (n && !auto_log_is_claimed(holder, d->d_name, n))
                        clean_one(dir, childlogdir, d->d_name, spare, log);
        }
        closedir(dir);
}
