/* The real machine behind struct host: files, users, groups, names of hosts, environment. Its
 * calls may block, so the main loop does not use them for names; engine/order/lookup.c asks a
 * child. Built once, before any thread. */
#include "sys/host/host.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <netdb.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "sys/store/globs.h"

#ifdef STATIC_BUILD
#include <nss.h>
#endif

/* Larger is no configuration; /dev/zero is one of the things that are not. */
#define FILE_MAX_BYTES (64u << 20)
/* What the kernel takes (NGROUPS_MAX). */
#define GROUPS_MAX 65536
/* The look-ups' text buffer: a group with thousands of members needs much. */
#define LOOKUP_MAX (8u << 20)

struct real_world {
        struct host ops; /* first: cast back */
        struct utsname host;
        char cwd[PATH_MAX];
        bool built;
};

/* ---- files */

static bool host_read_all(int fd, struct buf *out)
{
        for (;;) {
                if (!buf_reserve(out, 65536)) {
                        errno = ENOMEM;
                        return false;
                }
                ssize_t n = read(fd, out->data + out->len, 65536);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n == 0;
                out->len += (size_t)n;
                out->data[out->len] = '\0';
                if (out->len > FILE_MAX_BYTES) {
                        errno = EFBIG;
                        return false;
                }
        }
}

static bool is_null(const struct stat *st)
{
        return S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3);
}

/* A pipe that has no name is held open by its writer, or has ended. */
static bool is_unnamed(int fd)
{
        struct statfs fs;

        return fstatfs(fd, &fs) == 0 && fs.f_type == PIPEFS_MAGIC;
}

/* fd -1: it is not open yet. */
static bool kind_fits(int fd, const struct stat *st, enum file_kind kind)
{
        if (S_ISREG(st->st_mode) || is_null(st))
                return true;
        if (S_ISCHR(st->st_mode))
                return kind != FILE_ORDINARY;
        return S_ISFIFO(st->st_mode) &&
               (kind == FILE_AWAITED || (kind == FILE_OPEN && (fd < 0 || is_unnamed(fd))));
}

static const char *host_kind_word(const struct stat *st)
{
        return S_ISFIFO(st->st_mode) ? "a pipe" : S_ISSOCK(st->st_mode) ? "a socket" : "a device";
}

static bool check_kind(int fd, const char *path, const struct stat *st, enum file_kind kind,
                       struct err *e)
{
        errno = EISDIR;
        if (S_ISDIR(st->st_mode))
                return err_set(e, ERR_SYS, "read %s", path);
        return kind_fits(fd, st, kind) ||
               err_set(e, ERR_CONFIG, "%s is %s, not a regular file", path, host_kind_word(st));
}

/* Looked at before it is opened, because opening a device may do something; and afterwards, because
 * it may be another one by then. Opening it waits for a writer only where that is wanted; nor does
 * reading what only looks like a regular file (/proc/kmsg). */
static int open_kind(const char *path, enum file_kind kind, struct err *e)
{
        int wait = kind == FILE_AWAITED ? 0 : O_NONBLOCK;
        struct stat st;

        if (stat(path, &st) == 0 && !check_kind(-1, path, &st, kind, e))
                return -1;
        AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | wait);
        if (fd < 0 || fstat(fd, &st) < 0) {
                err_set(e, ERR_SYS, "open %s", path);
                return -1;
        }
        if (!check_kind(fd, path, &st, kind, e))
                return -1;
        if (!S_ISREG(st.st_mode) && fcntl(fd, F_SETFL, 0) < 0) {
                err_set(e, ERR_SYS, "read %s", path);
                return -1;
        }
        return fd_take(&fd);
}

static bool real_read_file(const struct host *w, const char *path, enum file_kind kind,
                           struct buf *out, struct err *e)
{
        AUTO_FD fd = open_kind(path, kind, e);

        (void)w;
        if (fd < 0)
                return false;
        if (!host_read_all(fd, out))
                return err_set(e, ERR_SYS, "read %s", path);
        return true;
}

static bool real_is_dir(const struct host *w, const char *path)
{
        struct stat st;

        (void)w;
        return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The kernel knows the path from before, or says EAGAIN; what is opened is not looked at. Kernels
 * before 5.12 do not know the flag. */
static int real_is_dir_at_once(const struct host *w, const char *path)
{
        struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                                .resolve = RESOLVE_CACHED };
        AUTO_FD fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);

        (void)w;
        if (fd >= 0)
                return 1;
        return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
}

static bool real_is_file(const struct host *w, const char *path)
{
        struct stat st;

        (void)w;
        return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

static bool real_glob(const struct host *w, const char *pattern, struct strlist *out, struct err *e)
{
        AUTO_STRLIST sorted = STRLIST_INIT;
        bool fine = globs_find(pattern, &sorted, e);

        (void)w;
        strlist_sort(&sorted);
        for (size_t i = 0; i < sorted.count; i++)
                if (!strlist_add(out, sorted.items[i]))
                        return err_nomem(e);
        return fine;
}

/* ---- users and groups */

/* A look-up by name or by number into a text buffer of this size: 0 or an errno; *found. */
typedef int lookup_fn(const char *name, const unsigned long *number, char *text, size_t size,
                      bool *found, void *out);

static bool host_parse_number(const char *text, unsigned long *out)
{
        if (!*text || strspn(text, "0123456789") != strlen(text))
                return false;
        errno = 0;
        *out = strtoul(text, NULL, 10);
        /* the highest one means "leave as it is" in chown and setresuid */
        return errno == 0 && *out < UINT_MAX;
}

/* Some services say "none" by an error. */
static bool say_why(int rc, const char *what, struct err *e)
{
        if (rc == 0 || rc == ENOENT || rc == ESRCH || rc == EBADF || rc == EPERM)
                return err_set(e, ERR_NOENT, "there is no such %s", what);
        errno = rc;
        return err_set(e, ERR_SYS, "look up a %s", what);
}

/* The look-ups say ERANGE until the buffer holds the whole entry. */
static bool host_look_up(lookup_fn *fn, const char *what, const char *text, void *out,
                         struct err *e)
{
        unsigned long number;
        bool by_number = host_parse_number(text, &number);
        bool found = false;

        for (size_t size = 4096; size <= LOOKUP_MAX; size *= 4) {
                char *room = malloc(size);
                if (!room)
                        return err_nomem(e);
                int rc = fn(text, by_number ? &number : NULL, room, size, &found, out);
                free(room);
                if (rc != ERANGE)
                        return (rc == 0 && found) || say_why(rc, what, e);
        }
        return say_why(ERANGE, what, e);
}

static bool host_copy_word(char *to, size_t size, const char *from)
{
        int n = snprintf(to, size, "%s", from);

        return n >= 0 && (size_t)n < size;
}

static int lookup_user(const char *name, const unsigned long *number, char *text, size_t size,
                       bool *found, void *out)
{
        struct account *account = out;
        struct passwd entry, *hit = NULL;
        int rc = number ? getpwuid_r((uid_t)*number, &entry, text, size, &hit)
                        : getpwnam_r(name, &entry, text, size, &hit);

        if (rc != 0 || !hit)
                return rc;
        account->uid = hit->pw_uid;
        account->gid = hit->pw_gid;
        *found = host_copy_word(account->name, sizeof account->name, hit->pw_name) &&
                 host_copy_word(account->home, sizeof account->home, hit->pw_dir) &&
                 host_copy_word(account->shell, sizeof account->shell,
                                hit->pw_shell ? hit->pw_shell : "");
        return 0;
}

static int lookup_group(const char *name, const unsigned long *number, char *text, size_t size,
                        bool *found, void *out)
{
        struct group entry, *hit = NULL;
        int rc = number ? getgrgid_r((gid_t)*number, &entry, text, size, &hit)
                        : getgrnam_r(name, &entry, text, size, &hit);

        if (rc != 0 || !hit)
                return rc;
        *(gid_t *)out = hit->gr_gid;
        *found = true;
        return 0;
}

static bool real_user(const struct host *w, const char *name_or_uid, struct account *out,
                      struct err *e)
{
        (void)w;
        return host_look_up(lookup_user, "user", name_or_uid, out, e);
}

static bool real_group(const struct host *w, const char *name_or_gid, gid_t *out, struct err *e)
{
        (void)w;
        return host_look_up(lookup_group, "group", name_or_gid, out, e);
}

static bool real_groups_of(const struct host *w, const char *user, gid_t first, gid_t **list_out,
                           int *count_out)
{
        (void)w;
        for (int room = 64; room <= GROUPS_MAX; room *= 4) {
                int count = room;
                gid_t *list = malloc((size_t)room * sizeof *list);
                if (!list)
                        return false;
                if (getgrouplist(user, first, list, &count) >= 0) {
                        *list_out = list;
                        *count_out = count;
                        return true;
                }
                free(list);
        }
        return false;
}

/* ---- building it */

/* In a static program a module named in nsswitch.conf would be loaded together with a second libc
 * from the host: stay with what is linked in. */
static void pin_name_services(void)
{
#ifdef STATIC_BUILD
        __nss_configure_lookup("passwd", "files");
        __nss_configure_lookup("group", "files");
        __nss_configure_lookup("initgroups", "files");
        __nss_configure_lookup("hosts", "files dns");
#endif
}

static const char *find_tmpdir(const struct host *w)
{
        static const char *const keys[] = { "TMPDIR", "TEMP", "TMP" };

        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
                const char *dir = getenv(keys[i]);
                if (dir && *dir && real_is_dir(w, dir))
                        return dir;
        }
        return "/tmp";
}

/* In digits, with the interface of a link-local one behind a '%'. */
static bool host_add_address(const struct addrinfo *a, struct strlist *out)
{
        char text[NI_MAXHOST];

        if (getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST))
                return false;
        return strlist_has(out, text) || strlist_add(out, text);
}

static bool say_gai(int rc, struct err *e)
{
        bool is_none = rc == EAI_NONAME || rc == EAI_NODATA || rc == EAI_ADDRFAMILY;

        if (rc == EAI_SYSTEM)
                return err_set(e, ERR_SYS, "look up a host");
        return err_set(e, is_none ? ERR_NOENT : ERR_BUSY, "%s", gai_strerror(rc));
}

static bool real_resolve(const struct host *w, const char *host, struct strlist *out, struct err *e)
{
        struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
        struct addrinfo *list = NULL;
        bool ok = true;

        (void)w;
        int rc = getaddrinfo(host, NULL, &hints, &list);
        if (rc != 0)
                return say_gai(rc, e);
        for (const struct addrinfo *a = list; a && ok; a = a->ai_next)
                ok = host_add_address(a, out);
        freeaddrinfo(list);
        if (!ok)
                return err_nomem(e);
        return out->count > 0 || say_gai(EAI_NONAME, e);
}

static void host_build(struct real_world *r)
{
        pin_name_services();
        /* Neither call fails on Linux but for a working directory that was removed. */
        if (uname(&r->host) < 0)
                host_copy_word(r->host.nodename, sizeof r->host.nodename, "localhost");
        if (!getcwd(r->cwd, sizeof r->cwd) || r->cwd[0] != '/')
                host_copy_word(r->cwd, sizeof r->cwd, "/");
        r->ops.environ = (const char *const *)environ;
        r->ops.hostname = r->host.nodename;
        r->ops.cwd = r->cwd;
        r->ops.tmpdir = find_tmpdir(&r->ops);
        r->ops.euid = geteuid();
        r->built = true;
}

const struct host *host_real(void)
{
        /* One process, one environment, one directory it was started in. */
        static struct real_world real = {
                .ops = { .read_file = real_read_file,
                         .glob = real_glob,
                         .is_dir = real_is_dir,
                         .is_dir_at_once = real_is_dir_at_once,
                         .is_file = real_is_file,
                         .user = real_user,
                         .group = real_group,
                         .groups_of = real_groups_of,
                         .resolve = real_resolve },
        };

        if (!real.built)
                host_build(&real);
        return &real.ops;
}
