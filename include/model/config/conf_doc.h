/* The merged text of a configuration: the main file and what it includes, as sections and keys with
 * their places, before any value means anything. Private to src/model/config/conf*.c. */
#ifndef MODEL_CONFIG_CONF_DOC_H
#define MODEL_CONFIG_CONF_DOC_H

#include <stdbool.h>
#include <uthash.h>

#include "base/host.h"
#include "base/strlist.h"
#include "model/config/diag.h"
#include "model/config/expand.h"

struct conf_section;

struct conf_key {
        char *key, *value; /* owned */
        const char *file;  /* borrowed from the document: where this value was written */
        int line;
        bool cut; /* an inline comment was cut off */
        struct conf_section *owner;
        UT_hash_handle hh;
};

struct conf_section {
        char *name;       /* owned: between the brackets, verbatim */
        const char *file; /* borrowed: the file that introduced it */
        const char *here; /* borrowed: its directory */
        int line;
        struct conf_key *keys;   /* owned, in the order of their first appearance */
        bool used;               /* a loader has taken it */
        bool tried;              /* programs: parsed before, well or badly */
        struct program *program; /* programs: the document's reference; NULL */
        UT_hash_handle hh;
};

struct conf_doc {
        struct conf_section *sections; /* owned, in the order of their first appearance */
        struct conf_section defaults;  /* [DEFAULT]: its keys are those of every section */
        struct strlist files, heres;   /* as shown in messages; their absolute directories */
        const char *only; /* borrowed: the one section that is read, beside [DEFAULT]; NULL: all */
        enum file_kind kind; /* what the main file may be; included ones are ordinary */
        bool needs_all;      /* an included file that cannot be read is an error, not a warning */
        bool incomplete;     /* there was one */
};

void conf_doc_release(struct conf_doc *d);

struct conf_section *conf_doc_section(const struct conf_doc *d, const char *name); /* or NULL */

/* The section's own key, else the one from [DEFAULT], else NULL. */
struct conf_key *conf_doc_key(const struct conf_doc *d, const struct conf_section *s,
                              const char *key);
/* All keys that a section has, its own first; NULL begins, and ends. */
struct conf_key *conf_doc_next(const struct conf_doc *d, const struct conf_section *s,
                               const struct conf_key *k);

struct where conf_at(const struct conf_section *s, const struct conf_key *k);

/* Read the main file. False: it could not be read, or nothing of it could be used (said in
 * *diags). */
bool conf_doc_main(struct conf_doc *d, const char *path, const struct host *w, struct diags *diags);

/* Read what [include] names, when there is such a section (compat section 6). */
void conf_doc_includes(struct conf_doc *d, const struct names *names, const struct host *w,
                       struct diags *diags);

#endif
