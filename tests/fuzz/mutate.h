/* Inputs out of other inputs: changes of bytes, of tokens and of whole members, and fresh replies
   and frames whose lengths are right. Everything follows from the state of one generator. */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { SCRATCH = 4096, DEPTH = 5 };

typedef struct {
    const uint8_t *at;
    size_t size;
} Bytes;

typedef struct {
    uint8_t *at;
    size_t size, room;
} Input;

/* splitmix64 */
static inline uint64_t chance(uint64_t *state)
{
    uint64_t mixed = (*state += 0x9E3779B97F4A7C15u);
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBu;
    return mixed ^ (mixed >> 31);
}

static inline size_t below(uint64_t *state, size_t count)
{
    return count ? chance(state) % count : 0;
}

/* Put *with* in the place of the bytes from..to; it must not lie in the input itself. */
static void splice(Input *input, size_t from, size_t to, const uint8_t *with, size_t size)
{
    if (input->size - (to - from) + size > input->room)
        return;
    memmove(input->at + from + size, input->at + to, input->size - to);
    memcpy(input->at + from, with, size);
    input->size = input->size - (to - from) + size;
}

static inline int is_word(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.'
           || c == '-' || c == '+' || c == '_';
}

static inline int is_edge(uint8_t c)
{
    return c == ',' || c == '{' || c == '}' || c == '\n';
}

typedef struct {
    size_t from, to;
} Part;

/* A word (or the one byte that is none) around a random place. */
static Part token(const Input *input, uint64_t *state)
{
    Part part = {below(state, input->size), 0};
    part.to = part.from;
    while (part.from && is_word(input->at[part.from]) && is_word(input->at[part.from - 1]))
        part.from--;
    while (part.to < input->size && is_word(input->at[part.to]))
        part.to++;
    part.to += part.to == part.from && part.to < input->size;
    return part;
}

/* A member of an object, or a line with its end, around a random place. */
static Part member(const Input *input, uint64_t *state)
{
    Part part = {below(state, input->size), 0};
    part.to = part.from;
    while (part.from && !is_edge(input->at[part.from - 1]))
        part.from--;
    while (part.to < input->size && !is_edge(input->at[part.to]))
        part.to++;
    part.to += part.to < input->size && input->at[part.to] != '}';
    return part;
}

static size_t copy(uint8_t *scratch, const Input *input, Part part)
{
    size_t size = part.to - part.from;
    size = size < SCRATCH ? size : SCRATCH;
    memcpy(scratch, input->at + part.from, size);
    return size;
}

static void swap(Input *input, Part a, Part b)
{
    uint8_t first[SCRATCH], second[SCRATCH];
    if (a.from > b.from) {
        Part c = a;
        a = b;
        b = c;
    }
    if (a.to > b.from || b.to - b.from > SCRATCH || a.to - a.from > SCRATCH)
        return;
    size_t a_size = copy(first, input, a), b_size = copy(second, input, b);
    splice(input, b.from, b.to, first, a_size);
    splice(input, a.from, a.to, second, b_size);
}

static void grow_digits(Input *input, uint64_t *state)
{
    uint8_t digits[64];
    size_t at = below(state, input->size), count = 1 + below(state, 40);
    while (at < input->size && !(input->at[at] >= '0' && input->at[at] <= '9'))
        at++;
    memset(digits, '0' + (int)below(state, 10), count);
    if (at < input->size)
        splice(input, at, at, digits, count);
}

static void toggle_quotes(Input *input, uint64_t *state)
{
    Part part = token(input, state);
    if (part.from && part.to < input->size && input->at[part.from - 1] == '"'
        && input->at[part.to] == '"') {
        splice(input, part.to, part.to + 1, NULL, 0);
        splice(input, part.from - 1, part.from, NULL, 0);
    } else {
        splice(input, part.to, part.to, (const uint8_t *)"\"", 1);
        splice(input, part.from, part.from, (const uint8_t *)"\"", 1);
    }
}

static void change(
    Input *input, uint64_t *state, const Bytes *words, size_t words_count, const Bytes *other
)
{
    static const char ODD[] = "{}[]:,\"\\ \t\r\n0123456789-+.eE$*\x00\x7f\x80\xff\x81\x7e";
    uint8_t scratch[SCRATCH];
    uint8_t byte = (uint8_t)ODD[below(state, sizeof ODD - 1)];
    size_t at = below(state, input->size + 1), size;
    const Bytes *word = &words[below(state, words_count)];
    Part part;
    if (!input->size) {
        splice(input, 0, 0, word->at, word->size);
        return;
    }
    switch (below(state, 16)) {
    case 0:
        at = below(state, input->size);
        input->at[at] ^= (uint8_t)(1u << below(state, 8));
        return;
    case 1:
        input->at[below(state, input->size)] = byte;
        return;
    case 2:
        splice(input, at, at, &byte, 1);
        return;
    case 3:
        size = at + below(state, 9);
        splice(input, at, size < input->size ? size : input->size, NULL, 0);
        return;
    case 4:
        if (below(state, 4) == 0)
            input->size = at;
        return;
    case 5:
        part = member(input, state);
        size = copy(scratch, input, part);
        splice(input, part.from, part.from, scratch, size);
        return;
    case 6:
        part = member(input, state);
        splice(input, part.from, part.to, NULL, 0);
        return;
    case 7:
    case 8:
        swap(input, member(input, state), member(input, state));
        return;
    case 9:
    case 10:
        part = token(input, state);
        splice(input, part.from, part.to, word->at, word->size);
        return;
    case 11:
        grow_digits(input, state);
        return;
    case 12:
        at = below(state, other->size + 1);
        size = below(state, (other->size - at < 200 ? other->size - at : 200) + 1);
        part = token(input, state);
        splice(input, part.from, part.from, other->at + at, size);
        return;
    case 13:
        part = token(input, state);
        splice(input, part.from, part.from, (const uint8_t *)" \t\r\n" + below(state, 4), 1);
        return;
    case 14:
        swap(input, token(input, state), token(input, state));
        return;
    default:
        toggle_quotes(input, state);
    }
}

static void add_text(Input *input, const char *text)
{
    splice(input, input->size, input->size, (const uint8_t *)text, strlen(text));
}

/* Append a RESP reply that is whole, nested at random. */
static void add_reply(Input *input, uint64_t *state, int depth)
{
    char line[64];
    uint8_t text[300];
    size_t size = below(state, 8) ? below(state, 12) : below(state, sizeof text);
    size_t kind = below(state, depth < DEPTH ? 6 : 5);
    if (kind == 0) {
        add_text(input, below(state, 2) ? "+OK\r\n" : "+QUEUED\r\n");
    } else if (kind == 1) {
        add_text(input, below(state, 2) ? "-ERR no\r\n" : "-WRONGTYPE x\r\n");
    } else if (kind == 2) {
        snprintf(line, sizeof line, ":%lld\r\n", (long long)(chance(state) >> below(state, 64)));
        add_text(input, line);
    } else if (kind == 3) {
        add_text(input, below(state, 2) ? "$-1\r\n" : "*-1\r\n");
    } else if (kind == 4) {
        for (size_t i = 0; i < size; i++)
            text[i] = (uint8_t)chance(state);
        snprintf(line, sizeof line, "$%zu\r\n", size);
        add_text(input, line);
        splice(input, input->size, input->size, text, size);
        add_text(input, "\r\n");
    } else {
        size = below(state, 5);
        snprintf(line, sizeof line, "*%zu\r\n", size);
        add_text(input, line);
        while (size--)
            add_reply(input, state, depth + 1);
    }
}

/* Append a frame with *payload*, one in eight with a header that is not plain. */
static void add_frame(Input *input, uint64_t *state, const uint8_t *payload, size_t size)
{
    uint8_t head[10] = {0x81};
    size_t head_size = 2;
    if (size > 65535)
        size = 65535;
    if (size < 126 && below(state, 16)) {
        head[1] = (uint8_t)size;
    } else {
        head[1] = 126;
        head[2] = (uint8_t)(size >> 8);
        head[3] = (uint8_t)size;
        head_size = 4;
    }
    if (below(state, 8) == 0)
        head[below(state, 2)] ^= (uint8_t)(1u << below(state, 8));
    if (input->size + head_size + size > input->room)
        return;
    splice(input, input->size, input->size, head, head_size);
    splice(input, input->size, input->size, payload, size);
}
