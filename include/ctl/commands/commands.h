/* Commands are rows: what `help` prints, what Tab offers, how many operands there may be and who
 * runs it. No second list of names exists. */
#ifndef CTL_COMMANDS_COMMANDS_H
#define CTL_COMMANDS_COMMANDS_H

#include "ctl/ctl.h"

enum completes {
        COMP_NONE,
        COMP_PROCESS, /* names of processes, and GROUP:* */
        COMP_GROUP,   /* names of groups */
        COMP_PROGRAM, /* the same, for commands of ours */
        COMP_COMMAND, /* names of commands */
        COMP_SIGNAL,  /* a signal first, then processes */
};

enum {
        CMD_UPCHECK = 1, /* ask first whether the daemon is there (compat 21.3) */
        CMD_VERBOSE = 2, /* takes -v */
        CMD_PLAN = 4,    /* takes --plan */
        CMD_OURS = 8,    /* not one of Supervisor's: listed apart */
        CMD_UNLISTED = 16,
};

/* A command's own option: --name, or -letter. */
struct cmd_option {
        const char *name;
        char letter;       /* 0: none */
        const char *value; /* what it is followed by; NULL: nothing */
        const char *help;  /* "Show the last N lines" */
};

struct cmd {
        const char *name;
        const char *help; /* lines of "usage TAB description", each with its newline */
        enum completes completes;
        unsigned flags;
        int min, max;     /* operands; max -1: any number */
        const char *few;  /* what to say below min, without "Error: " */
        const char *many; /* above max; NULL: "<name> accepts no arguments" */
        int few_code;     /* exit code of `few`; 0: 1 */
        void (*run)(struct ctl *, const struct args *);
        void (*run_json)(struct ctl *, const struct args *); /* NULL: has no JSON */
        const char *area;                 /* json_order: POST /v1/AREA/NAME/COMMAND */
        const struct cmd_option *options; /* ends with a NULL name; NULL: none. Their words are the
                                             command's to read, and may be quoted */
};

extern const struct cmd ctl_cmds[]; /* ends with a NULL name */

const struct cmd *cmd_find(const char *name);
bool cmd_takes(const struct cmd *cmd, const char *flag);   /* "--json", "-v", "--plan" */
void cmd_put_help(const struct cmd *cmd, struct buf *out); /* with its options */

/* One line from the words of a command line: joined by blanks, as Supervisor does. Only values of
 * options keep their blanks, within quotes. */
void cmd_join(struct buf *line, char *const *words, int count);

/* A line taken apart as Python's cmd module does: the word in front, and what follows it. The
 * command is "" when the line begins with no word; "?x" is "help x". False: no memory. */
bool cmd_split(const char *line, struct buf *command, struct buf *rest);

/* What a command without a table row of its own needs from others. */
void cmd_help(struct ctl *c, const struct args *a);
void cmd_quit(struct ctl *c, const struct args *a);

void cmd_status(struct ctl *c, const struct args *a);
void cmd_pid(struct ctl *c, const struct args *a);
void cmd_avail(struct ctl *c, const struct args *a);
void cmd_version(struct ctl *c, const struct args *a);

void cmd_start(struct ctl *c, const struct args *a);
void cmd_stop(struct ctl *c, const struct args *a);
void cmd_restart(struct ctl *c, const struct args *a);
void cmd_signal(struct ctl *c, const struct args *a);
void cmd_clear(struct ctl *c, const struct args *a);

void cmd_tail(struct ctl *c, const struct args *a);
extern const struct cmd_option tail_options[];
void cmd_maintail(struct ctl *c, const struct args *a);
void cmd_fg(struct ctl *c, const struct args *a);

void cmd_reread(struct ctl *c, const struct args *a);
void cmd_add(struct ctl *c, const struct args *a);
void cmd_remove(struct ctl *c, const struct args *a);
void cmd_update(struct ctl *c, const struct args *a);

void cmd_shutdown(struct ctl *c, const struct args *a);
void cmd_reload(struct ctl *c, const struct args *a);
void cmd_open(struct ctl *c, const struct args *a);

void cmd_upgrade(struct ctl *c, const struct args *a);

void cmd_rotate(struct ctl *c, const struct args *a);
void cmd_scale(struct ctl *c, const struct args *a);
void cmd_apply(struct ctl *c, const struct args *a);
void cmd_health(struct ctl *c, const struct args *a);
void cmd_events(struct ctl *c, const struct args *a);

void json_status(struct ctl *c, const struct args *a);
void json_health(struct ctl *c, const struct args *a);
void json_pid(struct ctl *c, const struct args *a);
void json_version(struct ctl *c, const struct args *a);
void json_avail(struct ctl *c, const struct args *a);
void json_reread(struct ctl *c, const struct args *a);
void json_order(struct ctl *c, const struct args *a); /* an order for each name */

#endif
