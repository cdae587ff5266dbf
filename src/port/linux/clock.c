/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <time.h>

#include "port/port.h"

static uint64_t read_us(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t); /* cannot fail for these clocks */
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

uint64_t mk_port_now_us(void) { return read_us(CLOCK_MONOTONIC); }

uint64_t mk_port_wall_ms(void) { return read_us(CLOCK_REALTIME) / 1000u; }

/* What the processor has for it; elsewhere only the compiler is kept from thinking that nothing is waited for. */
void mk_port_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory");
#else
    __asm__ volatile("" ::: "memory");
#endif
}

mk_err_t mk_port_cpu_clock(mk_cpu_clock_t *out) {
    clockid_t clock;
    if (pthread_getcpuclockid(pthread_self(), &clock) != 0) return MK_ERR_NOSYS;
    *out = clock;
    return MK_OK;
}

uint64_t mk_port_cpu_us(mk_cpu_clock_t clock) { return read_us(clock); }
