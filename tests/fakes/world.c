#include "world.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/unconst.h"

static struct fake_world *fake(const struct host *w)
{
        return unconst(w);
}

static void must(bool ok)
{
        if (!ok)
                abort();
}

static int file_index(const struct fake_world *f, const char *path)
{
        for (size_t i = 0; i < f->paths.count; i++)
                if (strcmp(f->paths.items[i], path) == 0)
                        return (int)i;
        return -1;
}

static bool has_dir(const struct fake_world *f, const char *path)
{
        size_t len = strlen(path);

        while (len > 1 && path[len - 1] == '/')
                len--;
        for (size_t i = 0; i < f->dirs.count; i++)
                if (strncmp(f->dirs.items[i], path, len) == 0 && !f->dirs.items[i][len])
                        return true;
        return false;
}

static bool read_file(const struct host *w, const char *path, enum file_kind kind, struct buf *out,
                      struct err *e)
{
        struct fake_world *f = fake(w);
        int i = file_index(f, path);

        f->reads++;
        f->kind = kind;
        errno = strlist_has(&f->denied, path) ? EACCES : has_dir(f, path) ? EISDIR : ENOENT;
        if (i < 0 || errno == EACCES)
                return err_set(e, ERR_SYS, "open %s", path);
        buf_put(out, f->texts.items[i], f->lengths[i]);
        return !out->failed || err_nomem(e);
}

static bool glob_paths(const struct host *w, const char *pattern, struct strlist *out,
                       struct err *e)
{
        struct fake_world *f = fake(w);

        for (size_t i = 0; i < f->paths.count; i++)
                if (fnmatch(pattern, f->paths.items[i], FNM_PATHNAME | FNM_PERIOD) == 0 &&
                    !strlist_add(out, f->paths.items[i]))
                        return err_nomem(e);
        strlist_sort(out);
        return true;
}

static bool is_dir(const struct host *w, const char *path)
{
        fake(w)->stats++;
        return has_dir(fake(w), path);
}

static int is_dir_at_once(const struct host *w, const char *path)
{
        const struct fake_world *f = (const struct fake_world *)w;

        return f->dirs_are_slow ? -1 : is_dir(w, path);
}

static bool is_file(const struct host *w, const char *path)
{
        return file_index(fake(w), path) >= 0;
}

static bool find_user(const struct host *w, const char *name_or_uid, struct account *out,
                      struct err *e)
{
        const struct fake_world *f = fake(w);
        char *end;
        long uid = strtol(name_or_uid, &end, 10);
        bool number = *name_or_uid && !*end;

        for (int i = 0; i < f->user_count; i++) {
                const struct account *a = &f->users[i];
                if (number ? (long)a->uid == uid : strcmp(a->name, name_or_uid) == 0) {
                        *out = *a;
                        return true;
                }
        }
        return err_set(e, ERR_NOENT, "there is no such user");
}

/* Every user has a group of the same name. */
static bool find_group(const struct host *w, const char *name_or_gid, gid_t *out, struct err *e)
{
        struct account a;

        if (!find_user(w, name_or_gid, &a, e))
                return false;
        *out = a.gid;
        return true;
}

/* Knows one host. */
static bool resolve(const struct host *w, const char *host, struct strlist *out, struct err *e)
{
        (void)w;
        if (strcmp(host, "db.example") == 0)
                return strlist_add(out, "10.1.2.3") || err_nomem(e);
        return err_set(e, ERR_NOENT, "there is no such host");
}

static bool groups_of(const struct host *w, const char *user, gid_t first, gid_t **list_out,
                      int *count_out)
{
        (void)w, (void)user;
        *list_out = malloc(sizeof first);
        if (!*list_out)
                return false;
        **list_out = first;
        *count_out = 1;
        return true;
}

void fake_world_init(struct fake_world *f)
{
        *f = (struct fake_world){ .ops = { .hostname = "box",
                                           .cwd = "/work",
                                           .tmpdir = "/tmp",
                                           .euid = 1000,
                                           .read_file = read_file,
                                           .glob = glob_paths,
                                           .is_dir = is_dir,
                                           .is_dir_at_once = is_dir_at_once,
                                           .is_file = is_file,
                                           .user = find_user,
                                           .group = find_group,
                                           .groups_of = groups_of,
                                           .resolve = resolve } };
        fake_world_dir(f, "/");
        fake_world_dir(f, "/tmp");
        fake_world_dir(f, "/etc");
        fake_world_dir(f, "/work");
        fake_world_env(f, "PATH", "/usr/bin:/bin");
        fake_world_env(f, "HOME", "/root");
        fake_world_user(f, "root", 0, 0);
        fake_world_user(f, "web", 1000, 1000);
}

void fake_world_release(struct fake_world *f)
{
        strlist_release(&f->paths);
        strlist_release(&f->texts);
        strlist_release(&f->dirs);
        strlist_release(&f->denied);
        strlist_release(&f->env);
}

void fake_world_bytes(struct fake_world *f, const char *path, const void *data, size_t len)
{
        int i = file_index(f, path);
        char *copy = malloc(len + 1);

        must(copy != NULL);
        memcpy(copy, data, len);
        copy[len] = '\0';
        if (i < 0) {
                must(f->paths.count < sizeof f->lengths / sizeof *f->lengths);
                must(strlist_add(&f->paths, path) && strlist_take(&f->texts, copy));
                i = (int)f->paths.count - 1;
        } else {
                free(f->texts.items[i]);
                f->texts.items[i] = copy;
        }
        f->lengths[i] = len;

        char parent[512];
        snprintf(parent, sizeof parent, "%s", path);
        char *slash = strrchr(parent, '/');
        if (slash && slash != parent) {
                *slash = '\0';
                fake_world_dir(f, parent);
        }
}

void fake_world_file(struct fake_world *f, const char *path, const char *text)
{
        fake_world_bytes(f, path, text, strlen(text));
}

void fake_world_dir(struct fake_world *f, const char *path)
{
        if (!has_dir(f, path))
                must(strlist_add(&f->dirs, path));
}

void fake_world_deny(struct fake_world *f, const char *path)
{
        must(strlist_add(&f->denied, path));
}

void fake_world_env(struct fake_world *f, const char *key, const char *value)
{
        must(strlist_setenv(&f->env, key, value));
        f->ops.environ = (const char *const *)f->env.items;
}

void fake_world_user(struct fake_world *f, const char *name, uid_t uid, gid_t gid)
{
        must(f->user_count < FAKE_WORLD_USERS);
        struct account *a = &f->users[f->user_count++];
        *a = (struct account){ .uid = uid, .gid = gid };
        snprintf(a->name, sizeof a->name, "%s", name);
        snprintf(a->home, sizeof a->home, uid ? "/home/%s" : "/%s", name);
        snprintf(a->shell, sizeof a->shell, "/bin/sh");
}
