"""One ticker message -> numbers by index, in one pass over its bytes, without a Python object.

The scan takes what a venue sends all day: ASCII, no escapes, no nesting beyond `data`, each key
once, plain decimals (bare or quoted, no exponent), in any key order and with any whitespace.
Whatever it is not sure about is UNUSUAL: `pure.parse` then decides, so both give one answer.
"""

cimport cython
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memcmp, memcpy, memset

from fastopts.core import pure

cdef enum:
    TOPIC = 1
    TS = 2
    TYPE = 4
    ID = 8
    DATA = 16


@cython.final
cdef class Grammar:
    """The venue's words: how a ticker's topic begins and which number each data field is.

    *fields* maps the venue's name (at most 30 ASCII characters) to an index into `model.NUMBERS`.
    """

    # Here and not in __init__, so that no instance exists without it and none is begun twice.
    def __cinit__(self, str topic_prefix not None, fields):
        cdef int number
        cdef bytes raw = topic_prefix.encode("ascii")
        if len(raw) > 32:
            raise ValueError("topic prefix longer than 32 characters")
        self.topic_prefix = topic_prefix
        self.fields = dict(fields)
        self.prefix_size = len(raw)
        memcpy(self.prefix, <const char*>raw, len(raw))
        raw = b'{"topic":"' + raw
        self.opening_size = len(raw)
        memcpy(self.opening, <const char*>raw, len(raw))
        self.symbol_index = NUMBER_COUNT
        entries = {**self.fields, "symbol": NUMBER_COUNT}
        for name, index in entries.items():
            if type(name) is not str or type(index) is not int:
                raise TypeError(f"not a field: {name!r}: {index!r}")
            number = index
            if not 0 < len(<str>name) <= 30 or not 0 <= number <= NUMBER_COUNT:
                raise ValueError(f"not a field: {name!r}: {index}")
        # A factor is sought under which no two words share a bucket.
        for factor in range(1, 1 << 16, 2):
            if self._place(entries, factor):
                return
        raise ValueError("no hash without collisions for these names")

    cdef bint _place(self, dict entries, uint32_t factor) except -1:
        cdef bytes raw
        cdef uint32_t bucket
        memset(self.words, 0, sizeof(self.words))
        self.factor = factor
        for name, index in entries.items():
            raw = (<str>name).encode("ascii")
            bucket = hash_of(<const uint8_t*><const char*>raw, len(raw), factor)
            if self.words[bucket].size:
                return False
            self.words[bucket].size = len(raw)
            self.words[bucket].index = index
            memcpy(self.words[bucket].text, <const char*>raw, len(raw))
        return True

    cdef Word* find(self, const uint8_t* name, Py_ssize_t size) noexcept nogil:
        if size == 0:
            return NULL
        cdef Word* word = &self.words[hash_of(name, size, self.factor)]
        if word.size != size or memcmp(word.text, name, size) != 0:
            return NULL
        return word


cdef inline uint32_t hash_of(const uint8_t* name, Py_ssize_t size, uint32_t factor) noexcept nogil:
    cdef uint32_t mixed = (
        name[0] | (<uint32_t>name[size >> 1] << 8) | (<uint32_t>name[size - 1] << 16)
        | (<uint32_t>size << 24)
    )
    mixed *= factor * 0x9E3779B1u
    return mixed >> 24


cdef inline const uint8_t* skip_space(const uint8_t* at, const uint8_t* end) noexcept nogil:
    # all four stand below what can follow them, and are rare
    while at < end and at[0] <= 0x20 and (
        at[0] == b" " or at[0] == b"\n" or at[0] == b"\r" or at[0] == b"\t"
    ):
        at += 1
    return at


# Whether a byte is one of those that a string runs over: ASCII, no control, quote or backslash.
cdef uint8_t[256] IS_INNER
cdef int _byte
for _byte in range(256):
    IS_INNER[_byte] = 0x20 <= _byte < 0x80 and _byte != 0x22 and _byte != 0x5C


cdef inline const uint8_t* string_end(const uint8_t* at, const uint8_t* end) noexcept nogil:
    """The closing quote of the string whose first character is *at*; NULL for an unusual one."""
    while at < end and IS_INNER[at[0]]:
        at += 1
    if at < end and at[0] == b'"':
        return at
    return NULL


cdef inline bint is_digit(uint8_t c) noexcept nogil:
    return <uint8_t>(c - <uint8_t>b"0") < 10


cdef inline const uint8_t* decimal_end(const uint8_t* at, const uint8_t* end) noexcept nogil:
    """Behind the plain decimal at *at*; NULL when there is none."""
    if at < end and at[0] == b"-":
        at += 1
    if at >= end or not is_digit(at[0]):
        return NULL
    if at[0] == b"0":
        at += 1
    else:
        while at < end and is_digit(at[0]):
            at += 1
    if at < end and at[0] == b".":
        at += 1
        if at >= end or not is_digit(at[0]):
            return NULL
        while at < end and is_digit(at[0]):
            at += 1
    return at


cdef const uint8_t* skip_scalar(const uint8_t* at, const uint8_t* end) noexcept nogil:
    """Behind the string, number or word at *at*; NULL when it is something else."""
    if at >= end:
        return NULL
    if at[0] == b'"':
        at = string_end(at + 1, end)
        if at == NULL:
            return NULL
        return at + 1
    if end - at >= 4 and (memcmp(at, b"true", 4) == 0 or memcmp(at, b"null", 4) == 0):
        return at + 4
    if end - at >= 5 and memcmp(at, b"false", 5) == 0:
        return at + 5
    at = decimal_end(at, end)
    if at == NULL or at >= end or at[0] == b"e" or at[0] == b"E":
        return NULL
    return at


cdef inline const uint8_t* scan_number(
    const uint8_t* at, const uint8_t* end, int index, Tick* tick
) noexcept nogil:
    """Take the value of number *index* at *at*; return what is behind it, or NULL."""
    cdef bint quoted
    cdef const uint8_t* stop
    cdef Py_ssize_t size
    if at >= end:
        return NULL
    quoted = at[0] == b'"'
    at += quoted
    if at < end and quoted and at[0] == b'"':
        return at + 1
    stop = decimal_end(at, end)
    if stop == NULL or stop >= end:
        # null, or nothing the grammar of decimals knows
        if not quoted and end - at >= 4 and memcmp(at, b"null", 4) == 0:
            return at + 4
        return NULL
    size = stop - at
    if size > TEXT_MAX:
        return NULL
    if quoted:
        if stop[0] != b'"':
            return NULL
    elif stop[0] == b"e" or stop[0] == b"E":
        return NULL
    if end - at >= TEXT_MAX:
        memcpy(tick.texts[index], at, TEXT_MAX)
    else:
        memcpy(tick.texts[index], at, size)
    tick.sizes[index] = <uint8_t>size
    tick.present |= <uint32_t>1 << index
    return stop + quoted


cdef const uint8_t* scan_data(
    const uint8_t* at, const uint8_t* end, Grammar grammar, Tick* tick,
    const uint8_t** symbol, Py_ssize_t* symbol_size
) noexcept nogil:
    """Take the object behind the brace before *at*; return what is behind it, or NULL."""
    cdef const uint8_t* name
    cdef const uint8_t* stop
    cdef Word* before = &grammar.head
    cdef Word* word
    cdef int index
    at = skip_space(at, end)
    if at < end and at[0] == b"}":
        return at + 1
    while True:
        if at >= end or at[0] != b'"':
            return NULL
        name = at + 1
        word = before.next
        if (
            word != NULL and end - name > word.size and name[word.size] == b'"'
            and memcmp(name, word.text, word.size) == 0
        ):
            stop = name + word.size
        else:
            stop = string_end(name, end)
            if stop == NULL:
                return NULL
            word = grammar.find(name, stop - name)
            before.next = word
        index = -1
        if word != NULL:
            index = word.index
            before = word
        at = skip_space(stop + 1, end)
        if at >= end or at[0] != b":":
            return NULL
        at = skip_space(at + 1, end)
        if index < 0:
            tick.unknown_fields += 1
            at = skip_scalar(at, end)
        elif index < NUMBER_COUNT:
            if tick.seen >> index & 1:
                return NULL
            tick.seen |= <uint32_t>1 << index
            at = scan_number(at, end, index, tick)
        else:
            if symbol[0] != NULL or at >= end or at[0] != b'"':
                return NULL
            symbol[0] = at + 1
            at = string_end(at + 1, end)
            if at == NULL:
                return NULL
            symbol_size[0] = at - symbol[0]
            at += 1
        if at == NULL:
            return NULL
        at = skip_space(at, end)
        if at >= end:
            return NULL
        if at[0] == b"}":
            return at + 1
        if at[0] != b",":
            return NULL
        at = skip_space(at + 1, end)


cdef inline int top_key(const uint8_t* name, Py_ssize_t size) noexcept nogil:
    if size == 5 and memcmp(name, b"topic", 5) == 0:
        return TOPIC
    if size == 2 and memcmp(name, b"ts", 2) == 0:
        return TS
    if size == 4 and memcmp(name, b"type", 4) == 0:
        return TYPE
    if size == 2 and memcmp(name, b"id", 2) == 0:
        return ID
    if size == 4 and memcmp(name, b"data", 4) == 0:
        return DATA
    return 0


cdef inline const uint8_t* scan_ts(
    const uint8_t* at, const uint8_t* end, Tick* tick
) noexcept nogil:
    cdef bint quoted = at < end and at[0] == b'"'
    cdef const uint8_t* start
    at += quoted
    start = at
    tick.ts = 0
    while at < end and is_digit(at[0]):
        if at - start == 18:
            return NULL
        tick.ts = tick.ts * 10 + (at[0] - <uint8_t>b"0")
        at += 1
    if at == start or at >= end:
        return NULL
    if quoted:
        return at + 1 if at[0] == b'"' else NULL
    if (at[0] == b"." or at[0] == b"e" or at[0] == b"E") or (start[0] == b"0" and at - start > 1):
        return NULL
    return at


cdef inline int64_t scan_sequence(
    const uint8_t* id_, Py_ssize_t id_size, const uint8_t* topic, Py_ssize_t topic_size
) noexcept nogil:
    """The sequence in an id `{topic}-{sequence}-{ts}`; -1 when it is not of that form."""
    cdef const uint8_t* at = id_ + topic_size + 1
    cdef const uint8_t* end = id_ + id_size
    cdef const uint8_t* start = at
    cdef int64_t sequence = 0
    if id_size < topic_size + 4 or memcmp(id_, topic, topic_size) != 0 or (start - 1)[0] != b"-":
        return -1
    while at < end and is_digit(at[0]):
        if at - start == 18:
            return -1
        sequence = sequence * 10 + (at[0] - <uint8_t>b"0")
        at += 1
    if at == start or at >= end or at[0] != b"-":
        return -1
    start = at + 1
    at = start
    while at < end and is_digit(at[0]):
        at += 1
    if at != end or at == start or at - start > 18:
        return -1
    return sequence


cdef inline bint is_symbol(const uint8_t* at, Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t i
    cdef uint8_t c
    if not 0 < size <= SYMBOL_MAX or at[0] == b"." or at[0] == b"-":
        return False
    for i in range(size):
        c = at[i]
        if not (is_digit(c) or <uint8_t>(c - <uint8_t>b"A") < 26 or c == b"-" or c == b"."):
            return False
    return True


cdef Verdict scan(
    const uint8_t* at, const uint8_t* end, Grammar grammar, Tick* tick
) noexcept nogil:
    """Fill *tick* from the message ``at..end``. Its texts and symbol point into the message's
    bytes or *tick* itself: valid until either changes."""
    cdef const uint8_t* name
    cdef const uint8_t* topic = NULL
    cdef const uint8_t* id_ = NULL
    cdef const uint8_t* symbol = NULL
    cdef Py_ssize_t size, topic_size = 0, id_size = 0, symbol_size = 0
    cdef int key, have = 0
    tick.seen = tick.present = tick.bad_fields = tick.unknown_fields = 0
    tick.sequence = -1
    tick.is_delta = False

    at = skip_space(at, end)
    if at >= end or at[0] != b"{":
        return UNUSUAL
    at = skip_space(at + 1, end)
    while True:
        if at >= end or at[0] != b'"':
            return UNUSUAL
        name = at + 1
        at = string_end(name, end)
        if at == NULL:
            return UNUSUAL
        key = top_key(name, at - name)
        at = skip_space(at + 1, end)
        if have & key or at >= end or at[0] != b":":
            return UNUSUAL
        have |= key
        at = skip_space(at + 1, end)
        if key == DATA:
            if at >= end or at[0] != b"{":
                return UNUSUAL
            at = scan_data(at + 1, end, grammar, tick, &symbol, &symbol_size)
        elif key == TS:
            at = scan_ts(at, end, tick)
        elif key == 0:
            at = skip_scalar(at, end)
        else:
            if at >= end or at[0] != b'"':
                return UNUSUAL
            name = at + 1
            at = string_end(name, end)
            if at == NULL:
                return UNUSUAL
            size = at - name
            at += 1
            if key == TOPIC:
                topic, topic_size = name, size
            elif key == ID:
                id_, id_size = name, size
            elif size == 5 and memcmp(name, b"delta", 5) == 0:
                tick.is_delta = True
            elif size != 8 or memcmp(name, b"snapshot", 8) != 0:
                return UNUSUAL
        if at == NULL:
            return UNUSUAL
        at = skip_space(at, end)
        if at >= end:
            return UNUSUAL
        if at[0] == b"}":
            break
        if at[0] != b",":
            return UNUSUAL
        at = skip_space(at + 1, end)

    if skip_space(at + 1, end) != end or have & (TOPIC | TS | DATA) != TOPIC | TS | DATA:
        return UNUSUAL
    size = grammar.prefix_size
    if topic_size <= size or memcmp(topic, grammar.prefix, size) != 0:
        return UNUSUAL
    tick.symbol = topic + size
    tick.symbol_size = topic_size - size
    if not is_symbol(tick.symbol, tick.symbol_size):
        return UNUSUAL
    if symbol != NULL and (
        symbol_size != tick.symbol_size or memcmp(symbol, tick.symbol, symbol_size) != 0
    ):
        return UNUSUAL
    if id_ != NULL:
        tick.sequence = scan_sequence(id_, id_size, topic, topic_size)
    return TAKEN


cdef int load(object found, Tick* tick) except -1:
    """Fill *tick* from a `pure.Tick`, but for the symbol."""
    cdef bytes raw
    tick.ts = found.ts
    tick.sequence = -1 if found.sequence is None else found.sequence
    tick.is_delta = found.is_delta
    tick.bad_fields = found.bad_fields
    tick.unknown_fields = found.unknown_fields
    tick.seen = tick.present = 0
    for index in found.seen:
        tick.seen |= <uint32_t>1 << <int>index
    for index, text in found.values.items():
        raw = text.encode("ascii")
        tick.present |= <uint32_t>1 << <int>index
        tick.sizes[<int>index] = len(raw)
        memcpy(tick.texts[<int>index], <const char*>raw, len(raw))
    return 0


def parse(bytes payload not None, Grammar grammar not None):
    """Read one text message as `pure.parse` does; the table uses `scan` without this detour."""
    cdef Tick tick
    cdef const uint8_t* at = <const uint8_t*><const char*>payload
    if scan(at, at + len(payload), grammar, &tick) == UNUSUAL:
        return pure.parse(payload, grammar)
    found = pure.Tick((<const char*>tick.symbol)[:tick.symbol_size].decode("ascii"), tick.ts)
    found.sequence = None if tick.sequence < 0 else tick.sequence
    found.is_delta = tick.is_delta
    found.unknown_fields = tick.unknown_fields
    for index in range(NUMBER_COUNT):
        if tick.seen >> index & 1:
            found.seen.add(index)
        if tick.present >> index & 1:
            found.values[index] = (<const char*>tick.texts[index])[:tick.sizes[index]].decode("ascii")
    return found


def is_usual(bytes payload not None, Grammar grammar not None):
    """Whether the scan takes this message by itself."""
    cdef Tick tick
    cdef const uint8_t* at = <const uint8_t*><const char*>payload
    return scan(at, at + len(payload), grammar, &tick) == TAKEN
