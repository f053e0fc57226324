/* The worker that every supervisor gets to run. What it does is in its environment, because not
 * every supervisor passes arguments:
 *
 *   BENCH_FIFO=PATH   tell there that it is up (record.h); without it, say nothing
 *   BENCH_LINE=1      write one line to stdout, so that its log has been used
 *   BENCH_EXIT=1      end at once instead of waiting for a signal
 *   BENCH_BYTES=N BENCH_SIZE=N   write so many bytes to stdout in pieces of that size, tell, wait
 */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "record.h"
#include "sys/process/raw_call.h"

/* Without a C library: its own start must cost as little as a process can, or it would hide what
 * the supervisors' part is. */
#if !RAW_CALLS
#error "the bench's worker knows x86-64 and arm64"
#endif

#define LARGEST 65536

void begin(const long *stack);
RAW_START;

static char piece[LARGEST];

static const char *value_of(const char *const *env, const char *key)
{
        for (; *env; env++) {
                const char *e = *env, *k = key;
                while (*k && *e == *k)
                        e++, k++;
                if (!*k && *e == '=')
                        return e + 1;
        }
        return NULL;
}

static uint64_t number_of(const char *text)
{
        uint64_t n = 0;

        for (; text && *text >= '0' && *text <= '9'; text++)
                n = n * 10 + (uint64_t)(*text - '0');
        return n;
}

static void tell(const char *fifo, enum record_kind kind, uint64_t value)
{
        struct record r = { .kind = kind, .value = value };
        struct timespec now;

        if (!fifo)
                return;
        long fd = raw_call(SYS_openat, AT_FDCWD, (long)fifo, O_WRONLY | O_CLOEXEC, 0);
        if (fd < 0)
                return;
        r.pid = (uint32_t)raw_call(SYS_getpid, 0, 0, 0, 0);
        raw_call(SYS_clock_gettime, CLOCK_MONOTONIC, (long)&now, 0, 0);
        r.ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
        raw_call(SYS_write, fd, (long)&r, sizeof r, 0);
        raw_call(SYS_close, fd, 0, 0, 0);
}

/* Lines of `size` bytes each; a write that was cut short is taken up where it ended. */
static uint64_t flood(uint64_t bytes, uint64_t size)
{
        uint64_t done = 0;

        if (size == 0 || size > LARGEST)
                size = LARGEST;
        for (uint64_t i = 0; i < size; i++)
                piece[i] = 'x';
        piece[size - 1] = '\n';
        while (done < bytes) {
                long n = raw_call(SYS_write, 1, (long)piece, (long)size, 0);
                if (n <= 0)
                        break;
                done += (uint64_t)n;
        }
        return done;
}

void begin(const long *stack)
{
        const char *const *env = (const char *const *)stack + stack[0] + 2;
        const char *fifo = value_of(env, "BENCH_FIFO");
        uint64_t bytes = number_of(value_of(env, "BENCH_BYTES"));

        tell(fifo, RECORD_UP, 0);
        if (value_of(env, "BENCH_LINE"))
                flood(64, 64);
        if (bytes)
                tell(fifo, RECORD_DONE, flood(bytes, number_of(value_of(env, "BENCH_SIZE"))));
        while (!value_of(env, "BENCH_EXIT"))
                raw_call(SYS_ppoll, 0, 0, 0, 0);
        raw_call(SYS_exit_group, 0, 0, 0, 0);
}
