"""How one person's name is written: in the roster, on a platform, in a file's name.

Words stay apart: "Ann Alee" is not "Anna Lee". Only a platform that drops the spaces itself
(`Platform.keeps_spaces`) is compared without them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import combinations, product

#: How people and platforms write what a keyboard or a file system has not.
_SPELLINGS = tuple(
    {"ß": sharp, "ł": "l", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe"}
    | {letter: letter_as + ending for letter, letter_as in zip("äöüø", "aouo", strict=True)}
    for sharp, ending in product(("s", "ss"), ("", "e"))
)
# An apostrophe parts no words: O'Neil is ONeil.
_APOSTROPHES = re.compile("['’ʼ`]")


def folded(text: str) -> str:
    """The same for ADA and ada, and for an ë of one code point and of two."""
    return unicodedata.normalize("NFKC", text).casefold()


def spaced(text: str) -> str:
    """Its words in lower case, a space between them."""
    return " ".join(_split(folded(text)))


def joined(text: str) -> str:
    """Its letters and digits in lower case, without what parts words."""
    return "".join(_split(folded(text)))


def forms(name: str) -> set[str]:
    """How a name is written, as of `spaced`: first name first, last name first."""
    last, comma, first = name.partition(",")
    if comma:
        return {spaced(f"{last} {first}"), spaced(f"{first} {last}")}
    words = spaced(name).split()
    return {" ".join(words[at:] + words[:at]) for at in range(len(words))}


def agree(name: str, shown: str) -> bool:
    """Whether what stands beside a number may be that name: whole, or at least two words of it.

    Accents, umlauts and ß may be written in any usual way.
    """
    if spaced(shown) in forms(name) or joined(shown) in map(joined, forms(name)):
        return True
    return any(_agree(_words(name, how), _words(shown, how)) for how in _SPELLINGS)


def beginnings(text: str) -> Iterator[str]:
    """The text, and what begins it up to a sign that parts words, the longest first."""
    yield text
    for end in sorted((each.start() for each in re.finditer(r"[\W_]+", text)), reverse=True):
        yield text[:end]


def _split(text: str) -> list[str]:
    """The words of a text. A vowel sign (as of Devanagari) is part of its word."""
    text = _APOSTROPHES.sub("", text)
    parts = "".join(each if _is_letter(each) else " " for each in text)
    return parts.split()


def _is_letter(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character).startswith("M")


def _words(text: str, spelling: dict[str, str]) -> list[str]:
    """A name's words in one spelling and without accents, in order of the alphabet."""
    lower = unicodedata.normalize("NFC", text).lower()
    spelt = "".join(spelling.get(letter, letter) for letter in lower)
    # The accents of Latin, Greek and Cyrillic; other scripts' marks tell words apart.
    marks = re.sub("[\u0300-\u036f]", "", unicodedata.normalize("NFKD", spelt))
    return sorted(_split(unicodedata.normalize("NFKC", marks).casefold()))


def _agree(known: Sequence[str], shown: Sequence[str]) -> bool:
    if known == shown:
        return True
    if len(shown) > 1:
        shorter, longer = sorted((set(known), set(shown)), key=len)
        return len(shorter) > 1 and shorter <= longer
    return bool(shown) and _is_made_of(shown[0], known)


def _is_made_of(text: str, words: Sequence[str]) -> bool:
    """Whether a text is two or more of the words, in any order, without spaces."""
    if len(words) > 8:
        return False
    return any(
        _is_each(text, chosen)
        for count in range(2, len(words) + 1)
        for chosen in combinations(words, count)
    )


def _is_each(text: str, words: tuple[str, ...]) -> bool:
    if not words:
        return not text
    return any(
        text.startswith(word) and _is_each(text[len(word) :], words[:at] + words[at + 1 :])
        for at, word in enumerate(words)
    )
