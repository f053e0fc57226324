/* The records of the state table, between state.c which writes and adopt.c which reads them. The
 * layout is a file format: fields are only ever appended, STATE_VERSION counts up then. */
#ifndef ENGINE_STATE_RECORD_H
#define ENGINE_STATE_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "base/strs.h"
#include "engine/state.h"
#include "model/memory.h"
#include "sys/statetable.h"

#define STATE_VERSION     1
#define STATE_READABLE_BY 1
#define RECORD_MAX        1000

enum record_kind { RECORD_NONE, RECORD_PROCESS, RECORD_FLEET };

enum record_flag {
        RECORD_REAPED = 1,   /* it ended with `status`; its logs were still being read */
        RECORD_LOST = 2,     /* the same, but nobody knows how */
        RECORD_ENDING = 4,   /* written during the daemon's end: no order of an operator */
        RECORD_OUT_AUTO = 8, /* the log's path was generated */
        RECORD_ERR_AUTO = 16,
        RECORD_ADOPTED = 32,
};

/* Texts behind it: group, program, name, stdout's log, stderr's log; each ends in NUL. */
enum record_text { TEXT_GROUP, TEXT_PROGRAM, TEXT_NAME, TEXT_OUT, TEXT_ERR, TEXT_COUNT };

struct record_head {
        uint16_t kind, text_at, text_len, flags;
};

struct process_record {
        struct record_head head;
        uint32_t work; /* DO_* that were about to be begun */
        int32_t status;
        uint64_t fingerprint; /* of the program it runs by */
        uint64_t start_low, start_high;
        uint64_t pipes[3]; /* inodes; 0: none */
        int32_t number, stopsignal, stopwaitsecs, program_kind;
        uint8_t stopasgroup, killasgroup, listener_state, spare[5];
        struct process_memory memory;
};

struct fleet_record {
        struct record_head head;
        int32_t replicas, numprocs, scaled, spare;
};

union record {
        struct record_head head;
        struct process_record process;
        struct fleet_record fleet;
        char bytes[RECORD_MAX];
};

/* One that the daemon before us left. */
struct relic {
        union record record;
        uint32_t slot;
        const char *text[TEXT_COUNT]; /* into record.bytes; "" where there is none */
        struct process *process;      /* adopt.c: who goes on with it */
        bool done;
};

/* A birth that is under way: what the child writes down. */
struct birth {
        struct statetable *table;
        uint32_t slot;
        union record record;
        uint32_t len;
};

struct state {
        struct statetable table;
        char *dir;       /* owned */
        char *lock_path; /* owned */
        int lock;        /* owned */
        bool told_full;
        struct birth birth;
        struct relic *relics; /* owned; processes sorted by group and name, then the fleets */
        size_t relic_count, process_count;
        struct strs spared;
};

struct relic *state_relic(const struct supervisor *s, const char *group, const char *name);
void state_forget_relics(struct supervisor *s);

#endif
