"""One ticker message -> numbers by index, in one pass over its bytes, without a Python object.

The scan accepts the usual messages of a venue: ASCII, no escapes, no nesting beyond `data`, each key
once, plain decimals (JSON numbers or strings, no exponent), keys in any order, any whitespace. For
every other message it returns UNUSUAL and `pure.parse` decides, so that both give one answer.

The pure twin is `pure.ticker`.
"""

cimport cython
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memcmp, memcpy, memset

from fastopts.core.pure import ticker as pure

from fastopts.core.layout cimport SYMBOL_MAX

# Top-level keys of a message, as bits.
cdef enum:
    TOPIC = 1
    TS = 2
    TYPE = 4
    ID = 8
    DATA = 16


@cython.final
cdef class Grammar:
    """How a venue writes tickers: the prefix of their topics and the names of their numbers.

    *fields* maps the venue's field name (at most 30 ASCII characters) to an index into
    `model.NUMBERS`. Raises ValueError or TypeError for others.
    """

    # Not in __init__: __new__ alone would leave None where code reads memory, and a second __init__
    # would replace tables that are in use.
    def __cinit__(self, str topic_prefix not None, fields):
        cdef int number
        cdef bytes raw = topic_prefix.encode("ascii")
        if len(raw) > PREFIX_MAX:
            raise ValueError(f"topic prefix longer than {PREFIX_MAX} characters")
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
            if not 0 < len(<str>name) <= NAME_MAX or not 0 <= number <= NUMBER_COUNT:
                raise ValueError(f"not a field: {name!r}: {index}")
        # Search a factor under which no two names share a bucket: a perfect hash, so that a look-up
        # is one multiplication and one comparison.
        for factor in range(1, 1 << 16, 2):
            if self._place(entries, factor):
                return
        raise ValueError("no hash without collisions for these names")

    cdef bint _place(self, dict entries, uint32_t factor) except -1:
        cdef bytes raw
        cdef uint32_t bucket
        memset(self.names, 0, sizeof(self.names))
        self.factor = factor
        for name, index in entries.items():
            raw = (<str>name).encode("ascii")
            bucket = hash_of(<const uint8_t*><const char*>raw, len(raw), factor)
            if self.names[bucket].size:
                return False
            self.names[bucket].size = len(raw)
            self.names[bucket].index = index
            memcpy(self.names[bucket].text, <const char*>raw, len(raw))
        return True

    cdef FieldName* find(self, const uint8_t* name, Py_ssize_t size) noexcept nogil:
        if size == 0:
            return NULL
        cdef FieldName* known = &self.names[hash_of(name, size, self.factor)]
        if known.size != size or memcmp(known.text, name, size) != 0:
            return NULL
        return known


cdef inline uint32_t hash_of(const uint8_t* name, Py_ssize_t size, uint32_t factor) noexcept nogil:
    # First, middle and last character and the length distinguish the names of a venue; hashing all
    # characters would cost more than the comparison that follows.
    cdef uint32_t mixed = (
        name[0] | (<uint32_t>name[size >> 1] << 8) | (<uint32_t>name[size - 1] << 16)
        | (<uint32_t>size << 24)
    )
    mixed *= factor * 0x9E3779B1u
    return mixed >> 24


cdef inline const uint8_t* skip_space(const uint8_t* at, const uint8_t* end) noexcept nogil:
    # One comparison in the usual case: all four are below any character that can follow, and rare.
    while at < end and at[0] <= 0x20 and (
        at[0] == b" " or at[0] == b"\n" or at[0] == b"\r" or at[0] == b"\t"
    ):
        at += 1
    return at


# Whether a byte is an ordinary character of a string: ASCII, no control, quote or backslash.
cdef uint8_t[256] IS_INNER
cdef int _byte
for _byte in range(256):
    IS_INNER[_byte] = 0x20 <= _byte < 0x80 and _byte != 0x22 and _byte != 0x5C


cdef inline const uint8_t* string_end(const uint8_t* at, const uint8_t* end) noexcept nogil:
    """Return the closing quote of the string whose first character is *at*; NULL: unusual."""
    while at < end and IS_INNER[at[0]]:
        at += 1
    if at < end and at[0] == b'"':
        return at
    return NULL


cdef inline bint is_digit(uint8_t c) noexcept nogil:
    # One unsigned comparison instead of two.
    return <uint8_t>(c - <uint8_t>b"0") < 10


cdef inline const uint8_t* decimal_end(const uint8_t* at, const uint8_t* end) noexcept nogil:
    """Return the end of the plain decimal at *at*; NULL if there is none."""
    if at < end and at[0] == b"-":
        at += 1
    if at >= end or not is_digit(at[0]):
        return NULL
    # JSON has no leading zeros: what follows a 0 is the point or the end.
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
    """Return the end of the string, number or literal at *at*; NULL for anything else."""
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
    const uint8_t* at, const uint8_t* end, int index, TickerMessage* message
) noexcept nogil:
    """Store the value of number *index* at *at*; return its end, or NULL."""
    cdef bint quoted
    cdef const uint8_t* stop
    cdef Py_ssize_t size
    if at >= end:
        return NULL
    quoted = at[0] == b'"'
    at += quoted
    # An empty text means that the venue has no value.
    if at < end and quoted and at[0] == b'"':
        return at + 1
    stop = decimal_end(at, end)
    if stop == NULL or stop >= end:
        # null, or not a decimal
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
    # A copy of constant size is two vector moves; the bytes behind the number are never read.
    if end - at >= TEXT_MAX:
        memcpy(message.texts[index], at, TEXT_MAX)
    else:
        memcpy(message.texts[index], at, size)
    message.sizes[index] = <uint8_t>size
    message.present |= <uint32_t>1 << index
    return stop + quoted


cdef const uint8_t* scan_data(
    const uint8_t* at, const uint8_t* end, Grammar grammar, TickerMessage* message,
    const uint8_t** symbol, Py_ssize_t* symbol_size
) noexcept nogil:
    """Store the object whose opening brace precedes *at*; return its end, or NULL."""
    cdef const uint8_t* name
    cdef const uint8_t* stop
    cdef FieldName* previous = &grammar.head
    cdef FieldName* known
    cdef int index
    at = skip_space(at, end)
    if at < end and at[0] == b"}":
        return at + 1
    while True:
        if at >= end or at[0] != b'"':
            return NULL
        name = at + 1
        # A venue sends the fields in the same order: try the name that followed the last time.
        known = previous.next
        if (
            known != NULL and end - name > known.size and name[known.size] == b'"'
            and memcmp(name, known.text, known.size) == 0
        ):
            stop = name + known.size
        else:
            stop = string_end(name, end)
            if stop == NULL:
                return NULL
            known = grammar.find(name, stop - name)
            previous.next = known
        index = -1
        if known != NULL:
            index = known.index
            previous = known
        at = skip_space(stop + 1, end)
        if at >= end or at[0] != b":":
            return NULL
        at = skip_space(at + 1, end)
        if index < 0:
            message.unknown_fields += 1
            at = skip_scalar(at, end)
        elif index < NUMBER_COUNT:
            # A repeated name is ambiguous: the general path rejects the message.
            if message.seen >> index & 1:
                return NULL
            message.seen |= <uint32_t>1 << index
            at = scan_number(at, end, index, message)
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
    const uint8_t* at, const uint8_t* end, TickerMessage* message
) noexcept nogil:
    cdef bint quoted = at < end and at[0] == b'"'
    cdef const uint8_t* start
    at += quoted
    start = at
    message.ts = 0
    while at < end and is_digit(at[0]):
        if at - start == 18:        # the longest that fits an int64
            return NULL
        message.ts = message.ts * 10 + (at[0] - <uint8_t>b"0")
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
    """Return the sequence number in an id `{topic}-{sequence}-{ts}`; -1 for any other form."""
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
    # `keys.is_symbol`: a symbol becomes part of a key, so nothing else may pass.
    if not 0 < size <= SYMBOL_MAX or at[0] == b"." or at[0] == b"-":
        return False
    for i in range(size):
        c = at[i]
        if not (is_digit(c) or <uint8_t>(c - <uint8_t>b"A") < 26 or c == b"-" or c == b"."):
            return False
    return True


cdef Verdict scan(
    const uint8_t* at, const uint8_t* end, Grammar grammar, TickerMessage* message
) noexcept nogil:
    """Fill *message* from the bytes ``at..end``.

    Borrowed memory: `message.symbol` points into these bytes.
    """
    cdef const uint8_t* name
    cdef const uint8_t* topic = NULL
    cdef const uint8_t* id_ = NULL
    cdef const uint8_t* symbol = NULL
    cdef Py_ssize_t size, topic_size = 0, id_size = 0, symbol_size = 0
    cdef int key, seen_keys = 0
    message.seen = message.present = message.bad_fields = message.unknown_fields = 0
    message.sequence = -1
    message.is_delta = False

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
        if seen_keys & key or at >= end or at[0] != b":":
            return UNUSUAL
        seen_keys |= key
        at = skip_space(at + 1, end)
        if key == DATA:
            if at >= end or at[0] != b"{":
                return UNUSUAL
            at = scan_data(at + 1, end, grammar, message, &symbol, &symbol_size)
        elif key == TS:
            at = scan_ts(at, end, message)
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
                message.is_delta = True
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

    if skip_space(at + 1, end) != end:
        return UNUSUAL
    if seen_keys & (TOPIC | TS | DATA) != TOPIC | TS | DATA:
        return UNUSUAL
    # Checked last, since `data` may precede `topic`.
    size = grammar.prefix_size
    if topic_size <= size or memcmp(topic, grammar.prefix, size) != 0:
        return UNUSUAL
    message.symbol = topic + size
    message.symbol_size = topic_size - size
    if not is_symbol(message.symbol, message.symbol_size):
        return UNUSUAL
    if symbol != NULL and (
        symbol_size != message.symbol_size or memcmp(symbol, message.symbol, symbol_size) != 0
    ):
        return UNUSUAL
    if id_ != NULL:
        message.sequence = scan_sequence(id_, id_size, topic, topic_size)
    return TAKEN


cdef int load(object parsed, TickerMessage* message) except -1:
    """Fill *message*, except for its symbol, from a `pure.TickerMessage`."""
    cdef bytes raw
    message.ts = parsed.ts
    message.sequence = -1 if parsed.sequence is None else parsed.sequence
    message.is_delta = parsed.is_delta
    message.bad_fields = parsed.bad_fields
    message.unknown_fields = parsed.unknown_fields
    message.seen = message.present = 0
    for index in parsed.seen:
        message.seen |= <uint32_t>1 << <int>index
    for index, text in parsed.values.items():
        raw = text.encode("ascii")
        message.present |= <uint32_t>1 << <int>index
        message.sizes[<int>index] = len(raw)
        memcpy(message.texts[<int>index], <const char*>raw, len(raw))
    return 0


def parse(bytes payload not None, Grammar grammar not None):
    """Parse one text message like `pure.parse`. The table calls `scan` itself."""
    cdef TickerMessage message
    cdef const uint8_t* at = <const uint8_t*><const char*>payload
    if scan(at, at + len(payload), grammar, &message) == UNUSUAL:
        return pure.parse(payload, grammar)
    symbol = (<const char*>message.symbol)[:message.symbol_size].decode("ascii")
    parsed = pure.TickerMessage(symbol, message.ts)
    parsed.sequence = None if message.sequence < 0 else message.sequence
    parsed.is_delta = message.is_delta
    parsed.unknown_fields = message.unknown_fields
    for index in range(NUMBER_COUNT):
        if message.seen >> index & 1:
            parsed.seen.add(index)
        if message.present >> index & 1:
            text = (<const char*>message.texts[index])[:message.sizes[index]]
            parsed.values[index] = text.decode("ascii")
    return parsed


def is_usual(bytes payload not None, Grammar grammar not None):
    """Whether the scan accepts this message without the general path."""
    cdef TickerMessage message
    cdef const uint8_t* at = <const uint8_t*><const char*>payload
    return scan(at, at + len(payload), grammar, &message) == TAKEN
