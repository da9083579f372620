/* Shift the wall clock of a process and its children by TESTS_CLOCK_SHIFT_S seconds (LD_PRELOAD).

   Only the wall clock: monotonic clocks, and with them every timeout and sleep, stay real.
   (libfaketime 0.9.10 can't do that: told to leave CLOCK_MONOTONIC alone, it makes clock_nanosleep
   fail with EINVAL. It also starts a given time anew in each process.) */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static time_t shift_s;

__attribute__((constructor)) static void read_shift(void) {
    const char *text = getenv("TESTS_CLOCK_SHIFT_S");
    shift_s = text ? (time_t)atoll(text) : 0;
}

int clock_gettime(clockid_t id, struct timespec *at) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real)
        real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(id, at);
    if (result == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        at->tv_sec += shift_s;
    return result;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    struct timespec now;
    (void)zone;
    int result = clock_gettime(CLOCK_REALTIME, &now);
    if (result == 0) {
        at->tv_sec = now.tv_sec;
        at->tv_usec = now.tv_nsec / 1000;
    }
    return result;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at)
        *at = now.tv_sec;
    return now.tv_sec;
}

int timespec_get(struct timespec *at, int base) {
    if (base != TIME_UTC || clock_gettime(CLOCK_REALTIME, at) != 0)
        return 0;
    return base;
}
