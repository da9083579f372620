/* A region between two pages that may not be touched, and the last words of a crash. */

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096 };

/* What was running: a crash tells it. */
static const uint8_t *running_at;
static size_t running_size;
static uint64_t running_seed, running_count;

/* Map *size* bytes (whole pages) with a page on either side that faults; NULL when that fails. */
static uint8_t *guarded(size_t size)
{
    uint8_t *start = mmap(NULL, size + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED || mprotect(start + PAGE, size, PROT_READ | PROT_WRITE) != 0)
        return NULL;
    return start + PAGE;
}

static void say_hex(const uint8_t *at, size_t size)
{
    char text[2];
    for (size_t i = 0; i < size; i++) {
        text[0] = "0123456789abcdef"[at[i] >> 4];
        text[1] = "0123456789abcdef"[at[i] & 15];
        if (write(STDERR_FILENO, text, 2) != 2)
            return;
    }
}

static void on_crash(int number)
{
    char line[120];
    int size = snprintf(
        line, sizeof line, "\ncrash: signal %d, seed %llu, execution %llu, input ", number,
        (unsigned long long)running_seed, (unsigned long long)running_count
    );
    if (write(STDERR_FILENO, line, (size_t)size) == size)
        say_hex(running_at, running_size);
    (void)!write(STDERR_FILENO, "\n", 1);
    signal(number, SIG_DFL);
    raise(number);
}

static void tell_crashes(void)
{
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    static uint8_t stack[65536];
    stack_t other = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_handler = on_crash, .sa_flags = SA_ONSTACK | SA_RESETHAND};
    sigaltstack(&other, NULL);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &action, NULL);
}
