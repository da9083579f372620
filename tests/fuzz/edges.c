/* Counts the edges that code built with -fsanitize-coverage=trace-pc runs over. Preloaded. */

#include <stdint.h>

enum { EDGES = 1 << 14 };

uint8_t fuzz_edges[EDGES];
uintptr_t fuzz_base; /* where the library under test is loaded: the counts are to be repeatable */

static uintptr_t before;

void __sanitizer_cov_trace_pc(void)
{
    uintptr_t place = (uintptr_t)__builtin_return_address(0) - fuzz_base;
    uint8_t *count = &fuzz_edges[(place ^ before) & (EDGES - 1)];
    *count += *count < 255;
    before = place >> 1;
}
