/* tail of several logs: what is asked for, how lines look, and where each log's bytes come from. */
#ifndef CTL_COMMANDS_TAIL_H
#define CTL_COMMANDS_TAIL_H

#include <regex.h>
#include <stdbool.h>
#include <stdint.h>

#include "ctl/commands/commands.h"

#define TAIL_LOGS_MAX 500 /* at once: each is a connection */

/* ---- tail_args.c: the words of the command */

struct tail_ask {
        bool follow;
        int64_t lines;     /* -1: not said */
        const char *since; /* borrowed; NULL: not said */
        bool has_grep;
        regex_t grep;
        bool streams[2];      /* stdout, stderr */
        bool plain;           /* no names in front */
        struct strlist names; /* owned */
};

/* False: wrong, and that was said. */
bool tail_parse(struct ctl *c, const struct strlist *words, struct tail_ask *out);
void tail_ask_release(struct tail_ask *a);
/* Is it one of Supervisor's own forms: "[-f|-N] name [channel]"? */
bool tail_is_plain(const struct strlist *words);

/* ---- tail_lines.c: from bytes to lines on the screen */

struct tail_out {
        struct ctl *ctl; /* borrowed, like the next two */
        FILE *out;
        const struct tail_ask *ask;
        bool colour;
        int width;  /* of the names */
        bool vague; /* it was said that --since is not exact */
};

/* One log's lines. */
struct tail_lines {
        struct tail_out *to;
        const char *name; /* borrowed */
        bool is_stderr;
        struct buf part;  /* of a line whose end has not come */
        struct buf *ring; /* owned: the last ring_size lines */
        size_t ring_size; /* 0: lines are printed at once */
        size_t ring_count, ring_cap, ring_at;
};

void tail_lines_release(struct tail_lines *l);
void tail_lines_feed(struct tail_lines *l, const char *data, size_t len);
void tail_lines_show(struct tail_lines *l); /* print the ring, and from now on at once */
void tail_lines_end(struct tail_lines *l);  /* a line without its end is one, too */

/* ---- tail_source.c: one log of the daemon's */

struct tail_source {
        struct tail_lines lines;
        char *name; /* owned */
        bool is_stderr;
        int64_t offset;      /* of the next byte */
        char life[20];       /* of the count that offset is from; "": not known */
        struct http *stream; /* owned; NULL: not followed at present */
        bool begun;          /* its first bytes have come */
        bool missing;        /* there is no file yet */
        bool gone;           /* there is no such process any more */
        int64_t due_ms;      /* tail.c's: when it is tried again */
};

struct tail_source *tail_source_new(struct tail_out *to, const char *name, bool is_stderr);
void tail_source_free(struct tail_source *s);

enum tail_got {
        TAIL_GOT,
        TAIL_NOTHING, /* no file, or the process is gone: see the source */
        TAIL_DOWN,    /* no daemon; *r says why */
        TAIL_STOP,    /* interrupted, or an error that was said */
};

/* Everything up to where the log ends now, beginning as was asked for. */
enum tail_got tail_source_read(struct ctl *c, struct tail_source *s, struct reply *r);
/* What has come since then. */
enum tail_got tail_source_go_on(struct ctl *c, struct tail_source *s, struct reply *r);
/* From there on as it comes: s->stream is there to be waited for and pumped. */
enum tail_got tail_source_follow(struct ctl *c, struct tail_source *s, struct reply *r);
/* There is something to read. False: the stream has ended, s->stream is NULL. */
bool tail_source_pump(struct tail_source *s);

/* ---- tail.c */

void tail_run(struct ctl *c, const struct tail_ask *ask);

#endif
