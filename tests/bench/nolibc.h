/* The few system calls of the bench's worker, without a C library: its own start must cost as
 * little as a process can, or it would hide what the supervisors' part is. */
#ifndef BENCH_NOLIBC_H
#define BENCH_NOLIBC_H

#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#if defined(__x86_64__)

static inline long sys4(long n, long a, long b, long c, long d)
{
        long r;
        register long r10 __asm__("r10") = d;

        __asm__ volatile("syscall"
                         : "=a"(r)
                         : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10)
                         : "rcx", "r11", "memory");
        return r;
}

#define START_HERE                                                             \
        __asm__(".globl _start\n_start:\n\txor %ebp, %ebp\n\tmov %rsp, %rdi\n" \
                "\tand $-16, %rsp\n\tcall begin\n")

#elif defined(__aarch64__)

static inline long sys4(long n, long a, long b, long c, long d)
{
        register long x8 __asm__("x8") = n;
        register long x0 __asm__("x0") = a;
        register long x1 __asm__("x1") = b;
        register long x2 __asm__("x2") = c;
        register long x3 __asm__("x3") = d;

        __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
        return x0;
}

#define START_HERE __asm__(".globl _start\n_start:\n\tmov x29, #0\n\tmov x0, sp\n\tbl begin\n")

#else
#error "the bench's worker knows x86-64 and arm64"
#endif

#endif
