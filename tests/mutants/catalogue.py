"""The mutants, by the numbers under which they are published."""

from dataclasses import dataclass

__all__ = ("ABSENT", "MUTANTS", "Edit", "Mutant")


@dataclass(frozen=True, slots=True)
class Edit:
    """In *path*, *old* becomes *new*."""

    path: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Mutant:
    """A bug, and the *tests* one of which must fail for it."""

    number: int
    name: str
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]


LINE = "fastopts/collector/venue/connection.py"
WRITER = "fastopts/collector/store/writer.py"
SESSION = "fastopts/venues/bybit/session.py"
BATCH, PURE_BATCH = "fastopts/core/batch.pyx", "fastopts/core/pure/batch.py"
TABLE, PURE_TABLE = "fastopts/core/table.pyx", "fastopts/core/pure/table.py"
TICKER, PURE_TICKER = "fastopts/core/ticker.pyx", "fastopts/core/pure/ticker.py"
ENDS = "test_a_callback_that_fails_ends_the_collector_instead_of_muting_it"
CAMPAIGN = "tests/simulation/test_campaign.py"

MUTANTS = (
    Mutant(
        1,
        "no subscription after a reconnect",
        (
            Edit(
                LINE,
                "            session.subscribe([name for name in self.shard.symbols if",
                "            known = () if self.reconnects else self.shard.symbols\n"
                "            session.subscribe([name for name in known if",
            ),
        ),
        ("tests/collector/test_connection.py",),
    ),
    Mutant(
        2,
        "a watchdog that pongs feed",
        (
            Edit(
                SESSION,
                "        self._unanswered = 0\n        if sent_at is None:\n",
                "        self._unanswered = 0\n"
                "        self._data_at = self._silent_since = now\n        if sent_at is None:\n",
            ),
        ),
        ("tests/venues/bybit/test_session.py",),
    ),
    Mutant(
        3,
        "an ack that confirms all",
        (
            Edit(
                SESSION,
                "            self._request.unanswered.discard(symbol)\n",
                "            self._request.unanswered.clear()\n",
            ),
        ),
        ("tests/venues/bybit/test_session.py",),
    ),
    Mutant(
        4,
        "a backoff without jitter",
        (
            Edit(
                "fastopts/session/backoff.py",
                "return least + draw * (ceiling - least)",
                "return ceiling",
            ),
        ),
        ("tests/session/test_backoff.py",),
    ),
    Mutant(
        5,
        "of all that waits, the last alone is written",
        (
            Edit(
                PURE_TABLE,
                "        slot = self._queue.popleft()\n",
                "        slot = self._queue.pop()\n        self._queue.clear()\n",
            ),
            Edit(
                BATCH,
                "            slot = self.table.dequeue()\n",
                "            while self.table.queue_size > 1:\n"
                "                self.table.dequeue()\n"
                "            slot = self.table.dequeue()\n",
            ),
        ),
        ("tests/core/test_batch.py",),
    ),
    Mutant(
        6,
        "a writer that an error ends",
        (
            Edit(
                WRITER,
                '        self._loop.outage.begin(f"Redis: {error}{remedy}", _now())\n',
                "        raise error\n",
            ),
        ),
        ("tests/collector/test_writer.py",),
    ),
    Mutant(
        7,
        "a queue without a bound",
        (
            Edit(
                PURE_TABLE,
                "        if not slot.queued and not slot.refused:\n",
                "        if not slot.refused:\n",
            ),
            Edit(
                TABLE,
                "        if slot.queued or slot.refused:\n            return\n",
                "        if slot.refused:\n            return\n",
            ),
        ),
        ("tests/core/test_batch.py", "tests/core/test_table.py"),
    ),
    Mutant(
        8,
        "a connection used again after a cancelled exchange",
        (
            Edit(
                "fastopts/net/redis/pipeline.py",
                "            await answered\n        except BaseException:\n"
                "            self.abort()\n            raise\n",
                "            await answered\n        except BaseException:\n"
                "            self._done = self._replies = None\n            raise\n",
            ),
        ),
        ("tests/net/redis/test_pipeline.py",),
    ),
    Mutant(
        9,
        "replies that are read up to the first error",
        (
            Edit(
                "fastopts/net/redis/resp.py",
                "            self.values.append(reply)\n",
                "            self.values.append(reply)\n"
                "            if isinstance(reply, StoreError):\n"
                "                self._count = len(self.values)\n",
            ),
        ),
        (
            "tests/net/redis/test_pipeline.py",
            "tests/net/redis/test_push.py",
            "tests/collector/test_writer.py",
        ),
    ),
    Mutant(
        10,
        "two HSETs for a tick",
        (
            Edit(
                PURE_BATCH,
                "        return [hset]\n",
                '        return [_command("HSET", key, *pairs[:2]), hset]\n',
            ),
            Edit(
                BATCH,
                "        self._array(2 + 2 * count_bits(fields))\n",
                "        self._array(4)\n"
                '        self._put(b"$4\\r\\nHSET\\r\\n")\n'
                "        self._key(OPTION, slot)\n"
                "        self._write_fields(slot, 1 << BIT_TM)\n"
                "        replies += 1\n"
                "        self._array(2 + 2 * count_bits(fields))\n",
            ),
        ),
        ("tests/core/test_batch.py",),
    ),
    Mutant(
        11,
        "DEL and HSET for a tick",
        (
            Edit(
                PURE_BATCH,
                "        return [hset]\n",
                '        return [_command("DEL", key), hset]\n',
            ),
            Edit(
                BATCH,
                "        self._array(2 + 2 * count_bits(fields))\n",
                "        self._array(2)\n"
                '        self._put(b"$3\\r\\nDEL\\r\\n")\n'
                "        self._key(OPTION, slot)\n"
                "        replies += 1\n"
                "        self._array(2 + 2 * count_bits(fields))\n",
            ),
        ),
        ("tests/core/test_batch.py",),
    ),
    Mutant(
        12,
        "no rewrite after a restart of Redis",
        (
            Edit(
                "fastopts/collector/store/write_loop.py",
                "        self._table.release()\n        self._table.mark_whole()\n",
                "        self._table.release()\n",
            ),
        ),
        ("tests/simulation/test_world.py",),
    ),
    Mutant(
        13,
        "a watchdog on the wall clock",
        (
            Edit(
                LINE,
                "def _now() -> float:\n    return asyncio.get_running_loop().time()",
                "def _now() -> float:\n    return wall_ms() / 1000",
            ),
        ),
        (CAMPAIGN,),
    ),
    Mutant(
        14,
        "an empty text that becomes a zero",
        (
            Edit(
                PURE_TICKER,
                "        text = decimal_text(value)\n",
                '        text = "0" if value == "" else decimal_text(value)\n',
            ),
            Edit(
                TICKER,
                "    if at < end and quoted and at[0] == b'\"':\n        return at + 1\n",
                "    if at < end and quoted and at[0] == b'\"':\n"
                "        message.texts[index][0] = b'0'\n"
                "        message.sizes[index] = 1\n"
                "        message.present |= <uint32_t>1 << index\n"
                "        return at + 1\n",
            ),
        ),
        ("tests/core/test_ticker.py", "tests/core/test_batch.py"),
    ),
    Mutant(
        15,
        "an older tick that replaces a newer one",
        tuple(
            Edit(path, "        if ts >= slot.tm:\n", "        if ts >= 0:\n")
            for path in (PURE_TABLE, TABLE)
        ),
        ("tests/core/test_table.py",),
    ),
    Mutant(
        16,
        "a time far ahead that blocks all good ones",
        (
            Edit(
                PURE_TABLE,
                "        return not is_suspect or bool(self._time_flag(ts, rt))\n",
                "        return True\n",
            ),
            Edit(
                TABLE,
                "            return self._time_flag(ts, rt) != 0\n        return True\n",
                "            return True\n        return True\n",
            ),
        ),
        ("tests/core/test_table.py",),
    ),
    Mutant(
        17,
        "a socket that leaks when the connecting fails",
        (
            Edit(
                "fastopts/net/websocket.py",
                "    except BaseException as error:\n        websocket.abort()\n",
                "    except BaseException as error:\n",
            ),
            Edit(
                "fastopts/net/dial.py",
                "        except OSError as error:  # TimeoutError is a subclass\n"
                "            sock.close()\n",
                "        except OSError as error:  # TimeoutError is a subclass\n",
            ),
        ),
        ("tests/net/test_dial.py", "tests/net/test_websocket.py"),
    ),
    Mutant(
        18,
        "a Host header that nobody checks",
        (
            Edit(
                "fastopts/serve/http/guard.py",
                "        if _without_port(host) not in self._hosts:\n",
                "        if not _without_port(host):\n",
            ),
        ),
        ("tests/faults/ap/test_origins.py",),
    ),
    Mutant(
        19,
        "a secret that a log shows",
        (
            Edit(
                "fastopts/config.py",
                "        return \"Secret('***')\"\n",
                '        return f"Secret({self._text!r})"\n',
            ),
        ),
        ("tests/test_config.py",),
    ),
    Mutant(
        20,
        "an exception of the flusher that is passed over",
        (
            Edit(
                "fastopts/collector/tasks.py",
                '        if "handle" in context:',
                '        if "handle" in context and False:',
            ),
        ),
        ("tests/collector/test_run.py::" + ENDS,),
    ),
)

# What can't be put in yet, and why.
ABSENT: dict[int, str] = {}
