/* A machine made of paper: files, directories, users and an environment that a test wrote down. */
#ifndef FAKES_WORLD_H
#define FAKES_WORLD_H

#include "base/host.h"
#include "base/strlist.h"

#define FAKE_WORLD_USERS 8

struct fake_world {
        struct host ops;       /* first: the operations cast back to the whole */
        struct strlist paths;  /* files, in the order of their making */
        struct strlist texts;  /* texts.items[i] is what paths.items[i] holds */
        size_t lengths[256];   /* their lengths: a text may hold NUL bytes */
        struct strlist dirs;   /* beside the parents of all files */
        struct strlist denied; /* files that exist and cannot be read (EACCES) */
        struct strlist env;    /* ops.environ points here */
        struct account users[FAKE_WORLD_USERS];
        int user_count;
        int reads, stats;    /* how often was asked */
        bool dirs_are_slow;  /* a disk has to be asked */
        enum file_kind kind; /* that the last file was allowed to be */
};

/* A host with /, /tmp and /etc, the users root (0, 0) and web (1000, 1000), PATH and HOME=/root,
 * cwd /work, host name "box", run as uid 1000. */
void fake_world_init(struct fake_world *f);
void fake_world_release(struct fake_world *f);

/* These abort the test when memory runs out. An existing file is replaced. */
void fake_world_file(struct fake_world *f, const char *path, const char *text);
void fake_world_bytes(struct fake_world *f, const char *path, const void *data, size_t len);
void fake_world_dir(struct fake_world *f, const char *path);
void fake_world_deny(struct fake_world *f, const char *path);
void fake_world_env(struct fake_world *f, const char *key, const char *value);
void fake_world_user(struct fake_world *f, const char *name, uid_t uid, gid_t gid);

#endif
