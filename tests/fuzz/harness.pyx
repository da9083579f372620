"""Makes inputs by the million, places each against a page that faults, runs a scan over it and
checks the outcome in C. Built by `build.py`, for fuzzing only.
"""

from cpython.memoryview cimport PyMemoryView_FromMemory
from cpython.buffer cimport PyBUF_WRITE
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcmp, memcpy, memset

from fastopts.core.frames cimport plain_frame
from fastopts.core.reply cimport Reply, scan_reply
from fastopts.core.layout cimport NUMBER_COUNT, TEXT_MAX
from fastopts.core.ticker cimport TAKEN, Grammar, TickerMessage, scan

cdef extern from "mutate.h":
    ctypedef struct Bytes:
        const uint8_t* at
        size_t size
    ctypedef struct Input:
        uint8_t* at
        size_t size
        size_t room
    uint64_t chance(uint64_t* state) nogil
    size_t below(uint64_t* state, size_t count) nogil
    void splice(Input*, size_t, size_t, const uint8_t*, size_t) nogil
    void change(Input*, uint64_t*, const Bytes*, size_t, const Bytes*) nogil
    void add_reply(Input*, uint64_t*, int) nogil
    void add_frame(Input*, uint64_t*, const uint8_t*, size_t) nogil

cdef extern from "oracle.h":
    int NUMBERS
    ctypedef struct Expected:
        const uint8_t* symbol
        size_t symbol_size
        int64_t ts
        int64_t sequence
        bint is_delta
        uint32_t seen
        uint32_t present
        uint32_t unknown
        const uint8_t* texts[24]
        size_t sizes[24]
    ctypedef struct Answer:
        bint has_integer
        int64_t integer
        const uint8_t* error
        size_t error_size
    bint expect_ticker(
        const uint8_t*, const uint8_t*, const char*, const char* const*, Expected*
    ) nogil
    Py_ssize_t expect_reply(const uint8_t*, const uint8_t*, Answer*) nogil

cdef extern from "guard.h":
    enum: PAGE
    const uint8_t* running_at
    size_t running_size
    uint64_t running_seed
    uint64_t running_count
    uint8_t* guarded(size_t) nogil
    void tell_crashes() nogil

cdef extern from "feedback.h":
    bint listen_to_edges(const void* function) nogil
    void forget_edges() nogil
    bint has_new_edges() nogil
    size_t edges_seen() nogil

assert <int>NUMBERS == <int>NUMBER_COUNT

cdef enum:
    ROOM = 1 << 19              # bytes of an input
    ARENA = 1 << 20
    CORPUS_MAX = 4096
    KEPT_MAX = 1 << 14          # bytes of an input that is kept for its edges

cdef enum Kind:
    TICKER = 1
    REPLY = 2
    FRAMES = 3
    INLET = 4                   # frames around messages
    OTHER = 5                   # replies that Python reads

cdef dict KINDS = {"ticker": TICKER, "reply": REPLY, "frames": FRAMES, "inlet": INLET}

cdef enum Outcome:
    ACCEPTED = 0
    DECLINED = 1                # left to the general path, or refused
    PARTIAL = 2                 # more bytes are needed
    DIFFERENT = 3


cdef class Arena:
    """Bytes between two pages that fault."""

    cdef uint8_t* start
    cdef readonly object view

    def __cinit__(self):
        self.start = guarded(ARENA)
        if self.start == NULL:
            raise MemoryError
        self.view = PyMemoryView_FromMemory(<char*>self.start, ARENA, PyBUF_WRITE)

    cdef const uint8_t* place(self, const uint8_t* at, size_t size, bint at_end) noexcept nogil:
        cdef uint8_t* to = self.start + (ARENA - size if at_end else 0)
        memcpy(to, at, size)
        return to

    def put(self, bytes data not None, bint at_end):
        """Place *data* in `view`, up to its end or from its start; return its start and end."""
        if len(data) > ARENA:
            raise ValueError("too long")
        start = self.place(<const uint8_t*><const char*>data, len(data), at_end) - self.start
        return start, start + len(data)


cdef class Fuzzer:
    """Inputs for *target* from a *seed*, a corpus and words to put into them."""

    cdef Kind kind
    cdef uint64_t state
    cdef readonly uint64_t executions
    cdef readonly list outcomes         # how many executions ended how, by `Outcome`
    cdef list kept                      # keeps the bytes of `corpus` and `words` alive
    cdef Bytes* corpus
    cdef size_t corpus_count
    cdef size_t given_count             # the first of them, before edges led to more
    cdef Bytes* words
    cdef size_t words_count
    cdef Input input
    cdef Arena arena
    cdef Grammar grammar
    cdef const char* prefix_text
    cdef const char* names[24]
    cdef bint guided

    def __cinit__(self):
        self.input.at = <uint8_t*>malloc(ROOM)
        self.input.room = ROOM
        self.corpus = <Bytes*>malloc(CORPUS_MAX * sizeof(Bytes))
        if self.input.at == NULL or self.corpus == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.input.at)
        free(self.corpus)
        free(self.words)

    def __init__(self, str target not None, uint64_t seed, corpus, words, Grammar grammar not None):
        self.kind = KINDS.get(target, OTHER)
        self.state, self.outcomes = seed, [0, 0, 0, 0]
        self.kept, self.arena, self.grammar = [], Arena(), grammar
        self.kept.append(grammar.topic_prefix.encode())
        self.prefix_text = <const char*><bytes>self.kept[0]
        for name, index in grammar.fields.items():
            raw = name.encode()
            self.kept.append(raw)
            self.names[<int>index] = <const char*><bytes>raw
        for data in corpus:
            self._keep(data)
        self.given_count = self.corpus_count
        self.words_count = len(words)
        self.words = <Bytes*>malloc(len(words) * sizeof(Bytes))
        for i, data in enumerate(words):
            self.kept.append(data)
            self.words[<size_t>i].at = <const uint8_t*><const char*><bytes>data
            self.words[<size_t>i].size = len(data)
        global running_seed
        running_seed = seed
        tell_crashes()
        if self.kind == TICKER:
            self.guided = listen_to_edges(<const void*>scan)
        elif self.kind == REPLY:
            self.guided = listen_to_edges(<const void*>scan_reply)

    @property
    def edges(self):
        """Number of edges executed, None when the code under test is not instrumented."""
        return edges_seen() if self.guided else None

    @property
    def corpus_size(self):
        return self.corpus_count

    cdef int _keep(self, bytes data) except -1:
        if self.corpus_count < CORPUS_MAX and len(data) <= ROOM // 2:
            self.kept.append(data)
            self.corpus[self.corpus_count].at = <const uint8_t*><const char*>data
            self.corpus[self.corpus_count].size = len(data)
            self.corpus_count += 1
        return 0

    def make(self):
        """The next input, for a target that Python runs."""
        self._make()
        self.executions += 1
        return (<const char*>self.input.at)[:self.input.size]

    def run(self, uint64_t count, uint64_t every):
        """Run the scan *count* times. Return one in *every* input that it accepted, those with new
        edges, and those of which the outcome was not the expected one."""
        cdef list sample = [], different = []
        cdef Outcome outcome
        cdef bint is_new
        cdef uint64_t[4] outcomes
        cdef uint64_t i
        memset(outcomes, 0, sizeof(outcomes))
        for i in range(count):
            self._make()
            outcome = self._execute()
            outcomes[<int>outcome] += 1
            is_new = self.guided and has_new_edges()
            if outcome == DIFFERENT:
                different.append((<const char*>self.input.at)[:self.input.size])
            elif is_new or (
                chance(&self.state) % every == 0
                and (outcome == ACCEPTED or self.kind != TICKER)    # others it leaves to the twin
            ):
                data = (<const char*>self.input.at)[:self.input.size]
                sample.append(data)
                if is_new and self.input.size <= KEPT_MAX:
                    self._keep(data)
        for i in range(4):
            self.outcomes[<int>i] += outcomes[i]
        return sample, different

    def replay(self, bytes data not None):
        """Run the scan once over *data*; return its outcome by name."""
        if len(data) > ROOM:
            raise ValueError("too long")
        memcpy(self.input.at, <const char*>data, len(data))
        self.input.size = len(data)
        return ("accepted", "declined", "partial", "different")[<int>self._execute()]

    cdef void _make(self) noexcept:
        cdef size_t rounds
        self.input.size = 0
        if self.kind == FRAMES or self.kind == INLET:
            rounds = 1 + below(&self.state, 4)
            while rounds:
                self._add_frame()
                rounds -= 1
            rounds = 1 if below(&self.state, 4) == 0 else 0
        elif self.kind == TICKER or below(&self.state, 2):
            self._add_mutant(&self.input)
            rounds = 0
        else:
            rounds = 1 + below(&self.state, 4)
            while rounds:
                add_reply(&self.input, &self.state, 0)
                rounds -= 1
            rounds = below(&self.state, 3)
        while rounds:
            self._change(&self.input)
            rounds -= 1

    cdef void _add_mutant(self, Input* input) noexcept nogil:
        # Inputs that led to new edges are mostly refused, and accepted ones are of interest too.
        cdef bint is_given = below(&self.state, 4) != 0
        cdef size_t count = self.given_count if is_given else self.corpus_count
        cdef const Bytes* base = &self.corpus[below(&self.state, count)]
        cdef size_t rounds = 0
        splice(input, 0, 0, base.at, base.size)
        while below(&self.state, 3) and rounds < 8:
            self._change(input)
            rounds += 1

    cdef void _change(self, Input* input) noexcept nogil:
        cdef const Bytes* other = &self.corpus[below(&self.state, self.corpus_count)]
        change(input, &self.state, self.words, self.words_count, other)

    cdef void _add_frame(self) noexcept nogil:
        cdef uint8_t payload[KEPT_MAX]
        cdef size_t[5] odd = [125, 126, 127, 65535, 65534]
        cdef Input inner
        cdef size_t size
        if self.kind == INLET:
            inner.at, inner.size, inner.room = payload, 0, KEPT_MAX
            self._add_mutant(&inner)
            add_frame(&self.input, &self.state, inner.at, inner.size)
            return
        # what the arena holds of earlier inputs is as good as any payload
        size = below(&self.state, 300) if below(&self.state, 64) else odd[below(&self.state, 5)]
        add_frame(&self.input, &self.state, self.arena.start, size)

    cdef Outcome _execute(self) noexcept:
        cdef const uint8_t* at = self.arena.place(
            self.input.at, self.input.size, self.executions & 1 == 0
        )
        cdef const uint8_t* end = at + self.input.size
        global running_at, running_size, running_count
        running_at, running_size, running_count = self.input.at, self.input.size, self.executions
        self.executions += 1
        if self.guided:
            forget_edges()
        if self.kind == TICKER:
            return self._ticker(at, end)
        if self.kind == REPLY:
            return self._reply(at, end)
        return self._frames(at, end)

    cdef Outcome _ticker(self, const uint8_t* at, const uint8_t* end) noexcept nogil:
        cdef TickerMessage tick
        cdef Expected expected
        cdef int i
        memset(&tick, 0xA5, sizeof(TickerMessage))       # unwritten fields are not right by chance
        if scan(at, end, self.grammar, &tick) != TAKEN:
            return DECLINED
        if not expect_ticker(at, end, self.prefix_text, self.names, &expected):
            return DIFFERENT
        if tick.symbol != expected.symbol or <size_t>tick.symbol_size != expected.symbol_size:
            return DIFFERENT
        if tick.ts != expected.ts or tick.sequence != expected.sequence:
            return DIFFERENT
        if tick.is_delta != expected.is_delta or tick.bad_fields:
            return DIFFERENT
        if tick.unknown_fields != expected.unknown:
            return DIFFERENT
        if tick.seen != expected.seen or tick.present != expected.present:
            return DIFFERENT
        for i in range(NUMBER_COUNT):
            if not tick.present >> i & 1:
                continue
            if tick.sizes[i] != expected.sizes[i] or tick.sizes[i] > TEXT_MAX:
                return DIFFERENT
            if memcmp(tick.texts[i], expected.texts[i], tick.sizes[i]) != 0:
                return DIFFERENT
        return ACCEPTED

    cdef Outcome _reply(self, const uint8_t* at, const uint8_t* end) noexcept nogil:
        cdef Reply reply
        cdef Answer expected
        cdef Py_ssize_t size
        reply.has_integer, reply.integer, reply.error, reply.error_size = False, 0, NULL, 0
        size = scan_reply(at, end, &reply, 0)
        if size != expect_reply(at, end, &expected) or size > end - at:
            return DIFFERENT
        if size <= 0:
            return PARTIAL if size == 0 else DECLINED
        if reply.has_integer != expected.has_integer or reply.error != expected.error:
            return DIFFERENT
        if reply.has_integer and reply.integer != expected.integer:
            return DIFFERENT
        if reply.error != NULL and <size_t>reply.error_size != expected.error_size:
            return DIFFERENT
        return ACCEPTED

    cdef Outcome _frames(self, const uint8_t* at, const uint8_t* end) noexcept nogil:
        cdef Py_ssize_t head, size = 0, taken = 0
        while True:
            head = plain_frame(at, end, &size)
            if head <= 0:
                break
            if size < 0 or size > 65535 or head + size > end - at:
                return DIFFERENT
            at += head + size
            taken += 1
        if taken:
            return ACCEPTED
        return PARTIAL if head == 0 else DECLINED
