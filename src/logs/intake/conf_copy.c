/* Settings that travel: their strings are in one piece of memory, which all copies share. */
#include "logs/intake/conf_copy.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/unconst.h"
#include "logs/intake/channel.h"

/* The name, the path and the tag for syslog, those that there are, each with its end. */
struct names {
        atomic_uint refs;
        bool has_path, has_tag;
        uid_t owner;
        char text[];
};

static struct names *names_of(const char *process)
{
        return unconst(process - offsetof(struct names, text));
}

static const char *conf_copy_behind(const char *text)
{
        return text + strlen(text) + 1;
}

const char *stream_names_path(const char *process)
{
        return process && names_of(process)->has_path ? conf_copy_behind(process) : NULL;
}

uid_t stream_names_owner(const char *process)
{
        return process ? names_of(process)->owner : 0;
}

static const char *tag_in(const struct names *n)
{
        const char *before = n->has_path ? conf_copy_behind(n->text) : n->text;

        return n->has_tag ? conf_copy_behind(before) : NULL;
}

const char *stream_names_share(const struct stream_conf *copy)
{
        atomic_fetch_add(&names_of(copy->process)->refs, 1);
        return copy->process;
}

void stream_names_release(const char *process)
{
        if (process && atomic_fetch_sub(&names_of(process)->refs, 1) == 1)
                free(names_of(process));
}

void stream_conf_release(struct stream_conf *c)
{
        stream_names_release(c->process);
        *c = (struct stream_conf){ 0 };
}

static struct names *names_new(const struct stream_conf *c)
{
        const char *const texts[] = { c->process ? c->process : "", c->path, c->syslog.tag };
        size_t sizes[3] = { 0 }, at = 0;

        for (int i = 0; i < 3; i++)
                sizes[i] = texts[i] ? strlen(texts[i]) + 1 : 0;
        struct names *n = malloc(sizeof *n + sizes[0] + sizes[1] + sizes[2]);
        if (!n)
                return NULL;
        atomic_init(&n->refs, 1);
        n->owner = c->owner;
        n->has_path = c->path != NULL;
        n->has_tag = c->syslog.tag != NULL;
        for (int i = 0; i < 3; i++) {
                if (texts[i])
                        memcpy(n->text + at, texts[i], sizes[i]);
                at += sizes[i];
        }
        return n;
}

static bool conf_copy_same(const char *a, const char *b)
{
        return a == b || (a && b && strcmp(a, b) == 0);
}

static bool says_the_same(const char *have, const struct stream_conf *c)
{
        return names_of(have)->owner == c->owner && conf_copy_same(have, c->process) &&
               conf_copy_same(stream_names_path(have), c->path) &&
               conf_copy_same(tag_in(names_of(have)), c->syslog.tag);
}

bool stream_conf_copy(struct stream_conf *to, const struct stream_conf *from, const char *have,
                      struct err *e)
{
        struct names *n;

        *to = (struct stream_conf){ 0 };
        if (have && says_the_same(have, from)) {
                n = names_of(have);
                atomic_fetch_add(&n->refs, 1);
        } else {
                n = names_new(from);
        }
        if (!n)
                return err_nomem(e);
        *to = *from;
        to->process = n->text;
        to->path = stream_names_path(n->text);
        to->syslog.tag = tag_in(n);
        return true;
}

void stream_conf_share(struct stream_conf *to, const struct stream_conf *copy)
{
        *to = *copy;
        to->process = stream_names_share(copy);
}
