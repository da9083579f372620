# Part of table.pyx; the pure twin is `pure.table.Inlet`.

@cython.final
cdef class Inlet:
    """The entry point for the messages of one connection.

    `messages` counts its tickers, `applied` those that became a symbol's newest, `unreadable` the
    rejected ones since the last readable one. Messages that are not tickers are left in `others`,
    tickers of a symbol without a slot in `unknown_tickers`: the owner empties both.
    """

    def __cinit__(self, Table table not None, uint32_t conn):
        self.table = table
        self.conn = conn
        self.others = []
        self.unknown_tickers = []
        self.smallest_lag = self.newest_lag = NO_LAG

    def take_lags_ms(self):
        """Return and reset the lags since the last call: the smallest one, and the newest tick's.

        The lag of a tick is its receive time on the venue's clock minus its exchange time; None if
        there was no message. A time too far ahead counts for the newest lag only.
        """
        cdef int64_t smallest = self.smallest_lag, newest = self.newest_lag
        # None if no tick arrived since the last call
        self.smallest_lag = self.newest_lag = NO_LAG
        return None if smallest == NO_LAG else smallest, None if newest == NO_LAG else newest

    def scan(self, view, Py_ssize_t start, Py_ssize_t end, int64_t rt):
        """Apply whole text frames from ``view[start:end]``: one call for a read of the socket.

        Returns the position behind the last one, inverted (``~position``) if the frame there is not
        a plain text frame and belongs to the protocol library.
        """
        cdef Py_buffer buffer
        cdef const uint8_t* base = borrow(view, start, end, &buffer)
        cdef const uint8_t* at = base + start
        cdef Py_ssize_t header, size = 0
        try:
            while True:
                header = plain_frame(at, base + end, &size)
                if header <= 0:
                    return at - base if header == 0 else ~(at - base)
                self._take(at + header, size, rt)
                at += header + size
        finally:
            PyBuffer_Release(&buffer)

    def message(self, bytes payload not None, int64_t rt):
        """Apply one text message."""
        self._take(<const uint8_t*><const char*>payload, len(payload), rt)

    cdef void _note_lag(self, int64_t ts, int64_t rt) noexcept nogil:
        cdef int64_t lag = rt + self.table.skew_ms - ts
        if lag > TIME_BEHIND_MAX:
            return                      # an absurd time says nothing about the connection
        self.newest_lag = lag
        if -TIME_AHEAD_MAX <= lag < self.smallest_lag:
            self.smallest_lag = lag

    cdef int _take(self, const uint8_t* at, Py_ssize_t size, int64_t rt) except -1:
        cdef TickerMessage message
        # Starts loading the slot from memory; parsing hides the latency.
        self.table.expect(at, size)
        if scan(at, at + size, self.table.grammar, &message) != TAKEN:
            return self._general((<const char*>at)[:size], rt)
        return self._apply(&message, at, size, rt)

    cdef int _general(self, bytes payload, int64_t rt) except -1:
        cdef TickerMessage message
        cdef bytes symbol
        self.table.general += 1
        try:
            parsed = ticker.parse(payload, self.table.grammar)
        except ticker.Rejected as verdict:
            self.table.reject(verdict.reason, payload)
            self.unreadable += 1
            return 0
        if parsed is None:
            self.unreadable = 0
            self.others.append(payload)
            return 0
        load(parsed, &message)
        symbol = parsed.symbol.encode("ascii")
        message.symbol = <const uint8_t*><const char*>symbol
        message.symbol_size = len(symbol)
        return self._apply(&message, <const uint8_t*><const char*>payload, len(payload), rt)

    cdef int _apply(
        self, const TickerMessage* message, const uint8_t* at, Py_ssize_t size, int64_t rt
    ) except -1:
        """Bring *message*, parsed from the message ``at[:size]``, to the table."""
        cdef Outcome outcome = self.table.take(message, self.conn, rt)
        self.unreadable = 0
        if outcome == UNKNOWN_SYMBOL:
            symbol = (<const char*>message.symbol)[:message.symbol_size].decode("ascii")
            self.unknown_tickers.append((symbol, (<const char*>at)[:size]))
            return 0
        self.messages += 1
        self.applied += outcome == APPLIED
        self._note_lag(message.ts, rt)
        if outcome == WITHOUT_BASE:
            self.table.sample("delta_without_base", (<const char*>at)[:size])
        if message.unknown_fields:
            # The messages of a venue have the same unknown names: the first message with more of
            # them than are known is enough.
            if len(self.table.unknown_names) < min(message.unknown_fields, UNKNOWN_NAMES_MAX):
                self.table.note_unknown((<const char*>at)[:size])
        return 0
