/* AUTO logs: their names, and the removal of those that earlier daemons left. compat 10 and 15. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/path.h"
#include "logs/logs.h"

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

/* Whether what follows the identifier is `-<non-blank>.log`, perhaps with a backup's suffix. */
static bool is_auto_end(const char *s)
{
        size_t word = 0;

        while (s[word] && !isspace((unsigned char)s[word]))
                word++;
        for (size_t i = 1; i + 4 <= word; i++)
                if (memcmp(s + i, ".log", 4) == 0 && is_backup_suffix(s + i + 4))
                        return true;
        return false;
}

static bool is_auto_name(const char *name, const char *mark)
{
        for (const char *at = strstr(name, mark); at; at = strstr(at + 1, mark))
                if (at > name && is_auto_end(at + strlen(mark)))
                        return true;
        return false;
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

static void clean_one(const char *dir, const char *name, const char *const *spare, struct log *log)
{
        AUTO_BUF path = BUF_INIT;

        buf_printf(&path, "%s/%s", dir, name);
        if (path.failed || is_spared(path.data, spare))
                return;
        if (unlink(path.data) < 0 && errno != ENOENT)
                log_line(log, LVL_WARN, "Failed to clean up '%s'", path.data);
}

void logs_clean_auto(const char *childlogdir, const char *identifier, const char *const *spare,
                     struct log *log)
{
        AUTO_BUF mark = BUF_INIT;
        DIR *dir = opendir(childlogdir);

        buf_printf(&mark, "---%s-", identifier);
        if (!dir || mark.failed) {
                log_line(log, LVL_WARN, "Could not clear childlog dir");
                if (dir)
                        closedir(dir);
                return;
        }
        for (struct dirent *d = readdir(dir); d; d = readdir(dir))
                if (is_auto_name(d->d_name, mark.data))
                        clean_one(childlogdir, d->d_name, spare, log);
        closedir(dir);
}
