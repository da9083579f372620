/* What the scans must find, worked out another way: slower, from the whole grammar. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBERS = 24, MEMBERS = 4096, JSON_DEPTH = 64 };

typedef struct {
    const uint8_t *name, *value;
    size_t name_size, value_size;
} Member;

typedef struct {
    const uint8_t *symbol;
    size_t symbol_size;
    int64_t ts, sequence;
    int is_delta;
    uint32_t seen, present, unknown;
    const uint8_t *texts[NUMBERS];
    size_t sizes[NUMBERS];
} Expected;

static const uint8_t *blank(const uint8_t *at, const uint8_t *end)
{
    while (at < end && memchr(" \t\r\n", *at, 4))
        at++;
    return at;
}

static const uint8_t *digits(const uint8_t *at, const uint8_t *end)
{
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

/* Behind the number at *at*, without its exponent when *plain*; NULL when there is none. */
static const uint8_t *number(const uint8_t *at, const uint8_t *end, int plain)
{
    const uint8_t *start = at + (at < end && *at == '-');
    at = digits(start, end);
    if (at == start || (*start == '0' && at - start > 1))
        return NULL;
    if (at < end && *at == '.') {
        start = at + 1;
        if ((at = digits(start, end)) == start)
            return NULL;
    }
    if (!plain && at < end && (*at == 'e' || *at == 'E')) {
        start = at + 1;
        start += start < end && (*start == '+' || *start == '-');
        if ((at = digits(start, end)) == start)
            return NULL;
    }
    return at;
}

/* Behind the string whose quote stands at *at*: none has escapes here. */
static const uint8_t *string(const uint8_t *at, const uint8_t *end)
{
    if (at >= end || *at != '"')
        return NULL;
    for (at++; at < end && *at >= 0x20; at++)
        if (*at == '"')
            return at + 1;
    return NULL;
}

static const uint8_t *value(const uint8_t *at, const uint8_t *end, int depth);

/* Behind the list or object at *at*; an object's members go to *members*, if there is one. */
static const uint8_t *nest(
    const uint8_t *at, const uint8_t *end, int depth, Member *members, size_t *count
)
{
    const int is_object = *at == '{';
    const uint8_t close = is_object ? '}' : ']';
    Member one;
    at = blank(at + 1, end);
    if (at < end && *at == close)
        return at + 1;
    while (at < end) {
        memset(&one, 0, sizeof one);
        if (is_object) {
            one.name = at + 1;
            if (!(at = string(at, end)))
                return NULL;
            one.name_size = (size_t)(at - one.name) - 1;
            at = blank(at, end);
            if (at >= end || *at++ != ':')
                return NULL;
        }
        one.value = blank(at, end);
        if (!(at = value(one.value, end, depth + 1)))
            return NULL;
        one.value_size = (size_t)(at - one.value);
        if (members && *count < MEMBERS)
            members[(*count)++] = one;
        at = blank(at, end);
        if (at < end && *at == close)
            return at + 1;
        if (at >= end || *at != ',')
            return NULL;
        at = blank(at + 1, end);
    }
    return NULL;
}

static const uint8_t *value(const uint8_t *at, const uint8_t *end, int depth)
{
    static const char *const words[] = {"true", "false", "null"};
    if (at >= end || depth > JSON_DEPTH)
        return NULL;
    if (*at == '"')
        return string(at, end);
    if (*at == '{' || *at == '[')
        return nest(at, end, depth, NULL, NULL);
    for (int i = 0; i < 3; i++) {
        size_t size = strlen(words[i]);
        if ((size_t)(end - at) >= size && memcmp(at, words[i], size) == 0)
            return at + size;
    }
    return number(at, end, 0);
}

/* The one member of that name. *found* is 0 or 1; false when the name stands twice. */
static int only(
    const Member *members, size_t count, const void *name, size_t size, Member *member, int *found
)
{
    *found = 0;
    for (size_t i = 0; i < count; i++) {
        if (members[i].name_size != size || memcmp(members[i].name, name, size) != 0)
            continue;
        if ((*found)++)
            return 0;
        *member = members[i];
    }
    return 1;
}

static int is_text(const Member *member, const char *text)
{
    return member->value_size == strlen(text) && memcmp(member->value, text, strlen(text)) == 0;
}

static int64_t integer(const uint8_t *at, const uint8_t *end)
{
    char text[20] = {0};
    if (at >= end || end - at > 18 || digits(at, end) != end)
        return -1;
    memcpy(text, at, (size_t)(end - at));
    return strtoll(text, NULL, 10);
}

/* The sequence in an id `"{topic}-{sequence}-{ts}"`, both with their quotes. */
static int64_t sequence_of(const Member *id, const Member *topic)
{
    const uint8_t *at = id->value + topic->value_size, *end = id->value + id->value_size - 1;
    if (id->value_size <= topic->value_size || at[-1] != '-'
        || memcmp(id->value, topic->value, topic->value_size - 1) != 0)
        return -1;
    const uint8_t *dash = memchr(at, '-', (size_t)(end - at));
    if (!dash || integer(dash + 1, end) < 0)
        return -1;
    return integer(at, dash);
}

static int expect_number(const Member *member, int index, Expected *out)
{
    const uint8_t *at = member->value, *end = at + member->value_size;
    out->seen |= 1u << index;
    if (is_text(member, "null") || is_text(member, "\"\""))
        return 1;
    if (*at == '"')
        at++, end--;
    if (number(at, end, 1) != end || end - at > 32)
        return 0;
    out->present |= 1u << index;
    out->texts[index] = at;
    out->sizes[index] = (size_t)(end - at);
    return 1;
}

static int is_symbol(const uint8_t *at, size_t size)
{
    static const char ALLOWED[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
    if (size < 1 || size > 40 || *at == '-' || *at == '.')
        return 0;
    for (size_t i = 0; i < size; i++)
        if (!at[i] || !strchr(ALLOWED, at[i]))
            return 0;
    return 1;
}

/* Fill *out* from a message that the ticker scan has taken; false when it must not take it. */
static int expect_ticker(
    const uint8_t *at, const uint8_t *end, const char *prefix, const char *const *names,
    Expected *out
)
{
    static Member top[MEMBERS], data[MEMBERS];
    size_t top_count = 0, data_count = 0, size = strlen(prefix);
    Member topic, ts, type, id, inner, field;
    int has, has_id;
    memset(out, 0, sizeof *out);
    out->sequence = -1;
    for (const uint8_t *c = at; c < end; c++)
        if (*c >= 0x80 || *c == '\\')
            return 0;
    at = blank(at, end);
    if (at >= end || *at != '{' || !(at = nest(at, end, 0, top, &top_count)))
        return 0;
    if (blank(at, end) != end)
        return 0;
    if (!only(top, top_count, "topic", 5, &topic, &has) || !has || *topic.value != '"')
        return 0;
    if (topic.value_size < size + 2 || memcmp(topic.value + 1, prefix, size) != 0)
        return 0;
    out->symbol = topic.value + 1 + size;
    out->symbol_size = topic.value_size - size - 2;
    if (!is_symbol(out->symbol, out->symbol_size))
        return 0;

    if (!only(top, top_count, "ts", 2, &ts, &has) || !has)
        return 0;
    out->ts = *ts.value == '"' ? integer(ts.value + 1, ts.value + ts.value_size - 1)
                               : integer(ts.value, ts.value + ts.value_size);
    if (out->ts < 0)
        return 0;
    if (!only(top, top_count, "type", 4, &type, &has))
        return 0;
    out->is_delta = has && is_text(&type, "\"delta\"");
    if (has && !out->is_delta && !is_text(&type, "\"snapshot\""))
        return 0;
    if (!only(top, top_count, "id", 2, &id, &has_id) || (has_id && *id.value != '"'))
        return 0;
    if (has_id)
        out->sequence = sequence_of(&id, &topic);

    if (!only(top, top_count, "data", 4, &inner, &has) || !has || *inner.value != '{')
        return 0;
    nest(inner.value, inner.value + inner.value_size, 1, data, &data_count);
    if (!only(data, data_count, "symbol", 6, &field, &has))
        return 0;
    if (has && (field.value_size != out->symbol_size + 2 || *field.value != '"'
                || memcmp(field.value + 1, out->symbol, out->symbol_size) != 0))
        return 0;
    size_t known = (size_t)has;
    for (int i = 0; i < NUMBERS; i++) {
        if (!only(data, data_count, names[i], strlen(names[i]), &field, &has))
            return 0;
        if (has && !expect_number(&field, i, out))
            return 0;
        known += (size_t)has;
    }
    out->unknown = (uint32_t)(data_count - known);
    return 1;
}

typedef struct {
    int has_integer;
    int64_t integer;
    const uint8_t *error;
    size_t error_size;
} Answer;

/* The length of the RESP2 reply at *at*, 0 when it is not whole, -1 when it is none: without
   recursion, by counting what is still to come at each depth. */
static ptrdiff_t expect_reply(const uint8_t *at, const uint8_t *end, Answer *out)
{
    enum { LINE = 4096, DEPTH_OF_ARRAYS = 4 };
    const uint8_t *start = at;
    int64_t left[DEPTH_OF_ARRAYS + 1] = {1};
    int depth = 0;
    memset(out, 0, sizeof *out);
    for (;;) {
        while (!left[depth])
            if (depth-- == 0)
                return at - start;
        left[depth]--;
        if (at == end)
            return 0;
        const uint8_t kind = *at++, *line = at;
        if (!kind || !strchr("+-:$*", kind))
            return -1;
        while (at < end && at - line < LINE && *at != '\r')
            at++;
        if (at - line == LINE)
            return -1;
        if (at == end || at + 1 == end)
            return 0;
        const uint8_t *stop = at;
        if (at[1] != '\n' || memchr(line, '\n', (size_t)(stop - line)))
            return -1;
        const int negative = *line == '-';
        const int64_t size = integer(line + negative, stop), count = negative ? -size : size;
        at += 2;
        if (kind == '-' && !out->error)
            out->error = line, out->error_size = (size_t)(stop - line);
        if (kind == '-' || kind == '+')
            continue;
        if (size < 0 || (*line == '0' && stop - line > 1) || (negative && line[1] == '0'))
            return -1;
        if (kind == ':' && !out->has_integer)
            out->has_integer = 1, out->integer = count;
        if (kind == ':')
            continue;
        if (count < -1 || count > (kind == '$' ? 512 << 20 : 1 << 20))
            return -1;
        if (kind == '*' && depth == DEPTH_OF_ARRAYS)
            return -1;
        if (count < 0)
            continue;
        if (kind == '*') {
            left[++depth] = count;
            continue;
        }
        if (end - at < count + 2)
            return 0;
        if (at[count] != '\r' || at[count + 1] != '\n')
            return -1;
        at += count + 2;
    }
}
