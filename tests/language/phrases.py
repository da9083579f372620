"""Expressions that this project avoids, each with what to write instead.

The list is short on purpose: only what readers of the field had to decode, and what a check can
find without false alarms. Everything else is for reviewers.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from tests.language.prose import ProsePassage


class Phrase(NamedTuple):
    """A discouraged expression: a regular expression over words, and its replacement."""

    pattern: str
    instead: str


PHRASES: Final = (
    Phrase(r"told(?! apart)|tells?(?! apart)|telling(?! apart)", "report, notify, log, send, pass"),
    Phrase(r"hears?|heard|hearing", "receive, detect, learn"),
    Phrase(r"bears?(?! market)|bearing|borne|bore", "tolerate, handle, carry"),
    Phrase(r"obeys?|obeyed", "apply, follow, honour"),
    Phrase(r"hand(?:s|ed|ing)? (?:over|out)", "pass, return, transfer"),
    Phrase(r"who(?:m|se)?ever", "the subscribers, any client: name them"),
    Phrase(r"(?:of|for|to|with|from|by|than) who(?!m|se)", "name them: clients, callers, users"),
    Phrase(
        r"(?:of|for|to|with|from|by|than|in|and|but) what (?:is|are|was|were|comes?|came|has|had)",
        "a noun: stale values, changed records",
    ),
    Phrase(r"what (?:is|was) (?:not|no)(?: longer)?", "a noun: stale values, missing fields"),
    Phrase(r"so much of", "a share, a part"),
    Phrase(r"so often in a row", "consecutive"),
    Phrase(r"anew", "again"),
    Phrase(r"(?:of|than) (?:ours|theirs)", "name the owner: fastopts, the collector"),
    Phrase(r"without a word|no more than a word|a word", "a value, a name, a message"),
    Phrase(r"(?:is|are|was|be) (?:not )?to be had", "available, unavailable"),
    Phrase(r"stands? (?:in|by|at)(?! for)|stood (?:in|by)", "is in; waits as standby"),
    Phrase(r"(?:can't|cannot|can not) be meant", "invalid"),
    Phrase(r"nobody but|everybody", "only; users, clients"),
    Phrase(r"doors?|houses?", "connection limit, process"),
    Phrase(r"say(?:s|ing)? of|it said|says? so", "report, log; that is set"),
    Phrase(r"as there may be|than may", "the limit"),
    Phrase(r"ha(?:s|ve) (?:it|them) not|know(?:s)? not", "lacks, does not have"),
)


def _compiled(phrase: Phrase) -> re.Pattern[str]:
    """Whole words only, over line ends."""
    pattern = phrase.pattern.replace(" ", r"\s+")
    return re.compile(rf"(?<![\w-])(?:{pattern})(?![\w-])", re.IGNORECASE)


COMPILED: Final = [(_compiled(phrase), phrase) for phrase in PHRASES]


def avoided(passage: ProsePassage) -> Iterator[tuple[int, str, str]]:
    """Each discouraged expression of a passage: its line, its words, and what to write instead."""
    for pattern, phrase in COMPILED:
        for match in pattern.finditer(passage.text):
            line = passage.line + passage.text.count("\n", 0, match.start())
            yield line, " ".join(match[0].split()), phrase.instead
