/* Whether an execution ran over edges that none before it did, when `edges.c` is preloaded. */

#include <dlfcn.h>
#include <stdint.h>
#include <string.h>

enum { EDGES = 1 << 14 };

static uint8_t *edges;
static uint8_t seen[EDGES]; /* bit per order of magnitude of the count */

static int listen_to_edges(const void *function)
{
    Dl_info info;
    uintptr_t *base = dlsym(RTLD_DEFAULT, "fuzz_base");
    edges = dlsym(RTLD_DEFAULT, "fuzz_edges");
    if (!edges || !base || !dladdr(function, &info))
        return 0;
    *base = (uintptr_t)info.dli_fbase;
    return 1;
}

static void forget_edges(void)
{
    memset(edges, 0, EDGES);
}

static int has_new_edges(void)
{
    int is_new = 0;
    uint64_t eight;
    for (int i = 0; i < EDGES; i += 8) {
        memcpy(&eight, edges + i, 8);
        if (!eight)
            continue;
        for (int j = i; j < i + 8; j++) {
            if (!edges[j])
                continue;
            uint8_t bit = (uint8_t)(1u << (31 - __builtin_clz(edges[j])));
            is_new |= !(seen[j] & bit);
            seen[j] |= bit;
        }
    }
    return is_new;
}

static size_t edges_seen(void)
{
    size_t count = 0;
    for (int i = 0; i < EDGES; i++)
        count += seen[i] != 0;
    return count;
}
