/* What the bench's measuring program is made of: one command per file, one table in drive.c. Every
 * command prints one JSON object on stdout and returns the exit code. Times are nanoseconds of
 * CLOCK_MONOTONIC. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "record.h"

#define NS_PER_S 1000000000ULL

uint64_t now_ns(void);

/* "cannot ...: why", then exit code 1: a driver that fails has nothing to clean up. */
_Noreturn void die(const char *what);
void *must_alloc(size_t count, size_t size);
unsigned long must_number(const char *text);

/* ---- samples */

struct samples {
        uint64_t *ns; /* owned */
        size_t count, cap;
};

void samples_add(struct samples *s, uint64_t ns);
/* "NAME": {"n":..., "min":..., "p50":..., "p90":..., "p99":..., "max":...}; sorts them. */
void samples_print(const char *name, struct samples *s);
void samples_release(struct samples *s);

/* ---- the FIFO that workers tell their records through */

struct fifo {
        int fd;
        size_t have;
        char data[65536];
};

/* Made if it is not there; open for reading and writing, so that it never ends. */
void fifo_open(struct fifo *f, const char *path);
/* Returns false when none came within wait_ms; -1 waits for ever. */
bool fifo_next(struct fifo *f, struct record *out, int wait_ms);
/* Throws away what has been told so far; returns how many records of that kind there were. */
size_t fifo_drain(struct fifo *f, enum record_kind kind);

/* ---- bare starts */

pid_t start_worker(const char *path, const char *fifo, bool exits);

/* ---- the commands */

int cmd_spawn(int argc, char **argv);
int cmd_respawn(int argc, char **argv);
int cmd_fleet(int argc, char **argv);
int cmd_spin(int argc, char **argv);
int cmd_kill(int argc, char **argv);
int cmd_count(int argc, char **argv);
int cmd_ask(int argc, char **argv);
int cmd_flood(int argc, char **argv);
int cmd_echo(int argc, char **argv);
int cmd_exec(int argc, char **argv);
int cmd_sink(int argc, char **argv);
int cmd_web(int argc, char **argv);

#endif
