/* A configuration on its way from text to struct config. Private to
 * src/model/config/conf*.c. */
#ifndef MODEL_CONFIG_CONF_LOAD_H
#define MODEL_CONFIG_CONF_LOAD_H

#include "model/config/conf_doc.h"
#include "model/config/config.h"
#include "model/config/options.h"

struct load {
        const struct host *w;
        struct diags *diags;
        struct conf_doc doc;
        struct config *c;
        const char *path; /* borrowed: the main file as given */
        bool quiet;       /* no warnings: said before, or not wanted */
};

/* One section and the struct that it fills. */
struct filling {
        const struct section_kind *kind;
        struct conf_section *section;
        void *base;
        struct names names;       /* for most keys */
        struct names per_process; /* for those with OPT_PROC_EXPAND */
        bool suffix;              /* errors name section and file (compat section 8) */
};

/* ---- saying something; `k` may be NULL */

void load_error(struct load *l, const struct conf_section *s, const struct conf_key *k,
                const char *hint, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* The same with " in section 'x' (file: 'y')". */
void load_error_in(struct load *l, const struct conf_section *s, const struct conf_key *k,
                   const char *hint, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
void load_warn(struct load *l, const struct conf_section *s, const struct conf_key *k,
               const char *hint, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* A warning in Supervisor's words, which people look for in the main log. */
void load_quote(struct load *l, const struct conf_section *s, const struct conf_key *k,
                const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void load_nomem(struct load *l);

/* ---- conf_values.c */

/* Names that every value has: `here` unless `have` lacks it, ENV_x. */
struct names load_names(const struct load *l, unsigned have, const struct conf_section *s);

/* "section.key" expanded; NULL: said. Caller frees. */
char *load_expand(struct load *l, const struct filling *f, const struct conf_key *k,
                  const struct names *names);

/* Defaults first. False: no memory. */
bool load_defaults(struct load *l, const struct filling *f);
/* All keys for which `wanted` says yes (NULL: all) are expanded, parsed and stored. */
void load_keys(struct load *l, struct filling *f,
               bool (*wanted)(const struct filling *f, const struct opt *o));
/* Warnings about unknown keys, and about comments that leave a quote open. */
void load_oddities(struct load *l, const struct section_kind *kind, const struct conf_section *s);

/* ---- conf_programs.c, conf_checks.c, conf_fcgi.c */

/* The program of a section as a member of that group: a reference for the caller, or NULL (said,
 * now or before). */
struct program *load_program(struct load *l, struct conf_section *s, const char *group);

/* Rules between options, and everything that all its processes are expanded to. */
void load_check_program(struct load *l, struct filling *f, struct program *p, const char *group);
void load_check_listener(struct load *l, struct filling *f, struct program *p);
void load_check_fcgi(struct load *l, struct filling *f, struct program *p);
/* No FastCGI socket takes the place of a control socket. After all servers and programs. */
void load_check_sockets(struct load *l);

/* A section's name behind the colon: trimmed, checked. NULL: said. Caller frees. */
char *load_section_name(struct load *l, const struct conf_section *s, const char *name);

/* ---- conf_groups.c, conf_servers.c */

void load_groups(struct load *l);
void load_servers(struct load *l);
void load_plugins(struct load *l);
void load_ctl(struct load *l);
/* Sections that nothing was made of. */
void load_leftovers(struct load *l);

#endif
