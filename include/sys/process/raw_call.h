/* System calls without a C library: the steps of a start (start_steps.c) are taken in a program
 * that has none. Like the kernel they answer -errno, and touch no memory that belongs to a thread.
 */
#ifndef SYS_PROCESS_RAW_CALL_H
#define SYS_PROCESS_RAW_CALL_H

#include <sys/syscall.h>

#if defined(__x86_64__) && defined(__LP64__)
#define RAW_CALLS 1

static inline long raw_call(long n, long a, long b, long c, long d)
{
        long r;
        register long r10 __asm__("r10") = d;

        __asm__ volatile("syscall"
                         : "=a"(r)
                         : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10)
                         : "rcx", "r11", "memory");
        return r;
}

/* Where a program without a C library begins: with its stack. */
#define RAW_START                                                              \
        __asm__(".globl _start\n_start:\n\txor %ebp, %ebp\n\tmov %rsp, %rdi\n" \
                "\tand $-16, %rsp\n\tcall begin\n")

#elif defined(__aarch64__) && defined(__LP64__)
#define RAW_CALLS 1

static inline long raw_call(long n, long a, long b, long c, long d)
{
        register long x8 __asm__("x8") = n;
        register long x0 __asm__("x0") = a;
        register long x1 __asm__("x1") = b;
        register long x2 __asm__("x2") = c;
        register long x3 __asm__("x3") = d;

        __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
        return x0;
}

#define RAW_START __asm__(".globl _start\n_start:\n\tmov x29, #0\n\tmov x0, sp\n\tbl begin\n")

#else
#define RAW_CALLS 0 /* by the C library, and no program can go without it */

#include <errno.h>
#include <unistd.h>

static inline long raw_call(long n, long a, long b, long c, long d)
{
        long r = syscall(n, a, b, c, d);

        return r < 0 ? -errno : r;
}

#endif

#endif
