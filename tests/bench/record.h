/* What a worker tells the driver through the FIFO that both know: one write, never split. */
#ifndef BENCH_RECORD_H
#define BENCH_RECORD_H

#include <stdint.h>

enum record_kind {
        RECORD_UP = 1,   /* the worker's first act */
        RECORD_DONE = 2, /* it has written what it was asked to; value: how many bytes */
};

struct record {
        uint32_t kind;
        uint32_t pid;
        uint64_t ns; /* CLOCK_MONOTONIC, read right before the write */
        uint64_t value;
};

#endif
