/* The fields of a record, each one row: what a record has is read, written and printed by loops
 * over these. A new field is a row with a tag of its own; rows of the fixed part never change. */
#include "engine/persist/state_record.h"

static const struct field mark_rows[] = {
        FIELD(0, FIELD_UINT, 4, "pipe 0", struct footprint, pipes[0]),
        FIELD(0, FIELD_UINT, 4, "pipe 1", struct footprint, pipes[1]),
        FIELD(0, FIELD_UINT, 4, "pipe 2", struct footprint, pipes[2]),
        FIELD(0, FIELD_UINT, 6, "kernel start time, ticks", struct footprint, start_low),
        FIELD(0, FIELD_UINT, 2, "or later by", struct footprint, start_span),
        FIELD(12, FIELD_UINT, 8, NULL, struct footprint, given),
};
static const struct fields mark_fields = FIELDS(mark_rows);

static const struct field program_rows[] = {
        FIELD(8, FIELD_INT, 4, "stop signal", struct program, stopsignal),
        FIELD(9, FIELD_INT, 4, "stopwaitsecs", struct program, stopwaitsecs),
        FIELD(10, FIELD_BOOL, 1, "stopasgroup", struct program, stopasgroup),
        FIELD(11, FIELD_BOOL, 1, "killasgroup", struct program, killasgroup),
};
static const struct fields program_fields = FIELDS(program_rows);

static const struct field record_rows[] = {
        FIELD(1, FIELD_TEXT, 0, "name", struct record, text[TEXT_NAME]),
        FIELD(2, FIELD_TEXT, 0, "group", struct record, text[TEXT_GROUP]),
        FIELD(3, FIELD_TEXT, 0, "program", struct record, text[TEXT_PROGRAM]),
        FIELD(4, FIELD_TEXT, 0, "stdout log", struct record, text[TEXT_OUT]),
        FIELD(5, FIELD_TEXT, 0, "stderr log", struct record, text[TEXT_ERR]),
        FIELD(6, FIELD_INT, 4, "number", struct record, number),
        FIELD(7, FIELD_UINT, 1, "kind of program", struct record, program_kind),
        FIELD(13, FIELD_TIMES, 0, "failures, ms of this boot", struct record, failures),
        FIELD(14, FIELD_UINT, 1, "listener state", struct record, listener.state),
        FIELD(15, FIELD_BOOL, 1, "listener is inside of a message", struct record,
              listener.is_inside),
        FIELD(16, FIELD_INT, 4, "processes wanted", struct record, replicas),
        FIELD(17, FIELD_INT, 4, "processes configured", struct record, numprocs),
        FIELD(TAG_SPAWNERR, FIELD_TEXT, 95, "spawn error", struct record, text[TEXT_SPAWNERR]),
        FIELD(0, FIELD_UINT, 1, "work under way", struct record, work),
        FIELD(0, FIELD_UINT, 1, "flags", struct record, flags),
};
static const struct fields record_fields = FIELDS(record_rows);

const struct fields *const record_layout[PART_COUNT] = { [PART_PROCESS] = &process_fields,
                                                         [PART_MARK] = &mark_fields,
                                                         [PART_PROGRAM] = &program_fields,
                                                         [PART_RECORD] = &record_fields };
