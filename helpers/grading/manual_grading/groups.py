"""Equal and similar answers together, so that they are read once.

Answers are equal if they are the same words and signs, whatever their case and spaces. They are
similar if the cosine between their TF-IDF vectors is at least ALIKE for any two of a group
(complete linkage); see Manning, Raghavan and Schütze, Introduction to Information Retrieval, 2008,
sections 6.2 and 17.2. It is the mean of two cosines: of words, and of three to five letters in a
row.

What turns an answer round is short: "not", "more" for "less", 4 for 2. So answers with other
numbers or other such words are never similar, however much else they share. The list knows English
and German; in other languages a group is only as good as a look at it.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

#: The least cosine between two similar answers.
ALIKE = 0.6
#: Beyond so many, only equal ones are put together: the work grows with the square.
MOST = 5_000

Groups = list[list[str]]

#: English, then German; each in the forms that answers have.
_TURNING = frozenset(
    re.findall(
        r"\w+",
        """
        no not never none without cannot neither nor nothing hardly only un more less
        fewer most least larger smaller bigger greater higher lower above below under
        over faster slower increase increases decrease decreases grow grows grew shrink
        shrinks up down rise rises fall falls before after first last all any same
        different equal equally true false yes always right wrong compute memory read
        reads write writes forward backward
        nicht kein keine keinen nie ohne weder mehr weniger größer kleiner höher
        niedriger schneller langsamer steigt sinkt wächst schrumpft vor nach gleich alle
        immer wahr falsch ja nein
        """,
    )
)
_WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)?|[-−+*/^<>=≤≥×·]")


def words_of(text: str) -> list[str]:
    """Words, numbers and signs of a text, in small letters."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("’", "'").replace("−", "-")
    return _WORD.findall(plain)


def equal(texts: Mapping[str, str]) -> Groups:
    """Groups of equal answers, the largest first; every answer is in one.

    Args:
        texts: of each answer, by what it is called.
    """
    groups: dict[str, list[str]] = defaultdict(list)
    for name, text in texts.items():
        # Signs that are no words count as well: `a_b` is not `ab`.
        groups[" ".join(unicodedata.normalize("NFKC", text).casefold().split())].append(name)
    return _in_order(groups.values())


def similar(texts: Mapping[str, str]) -> Groups:
    """Groups of equal and similar answers, the largest first; every answer is in one."""
    same = equal(texts)
    if len(same) > MOST:
        return same
    kinds: dict[tuple[str, ...], Groups] = defaultdict(list)
    for group in same:
        kinds[_telling(texts[group[0]])].append(group)
    found: Groups = []
    for groups in kinds.values():
        labels = _clusters([texts[group[0]] for group in groups])
        merged: dict[int, list[str]] = defaultdict(list)
        for label, group in zip(labels, groups, strict=True):
            merged[label] += group
        found += merged.values()
    return _in_order(found)


def difference(first: str, other: str) -> str:
    """The words that one text has beyond another and those that it lacks: "+ twice − once"."""
    one, two = Counter(words_of(first)), Counter(words_of(other))
    changes = (("+", two - one), ("−", one - two))
    parts = [f"{sign} {word}" for sign, words in changes for word in words]
    return ", ".join(parts[:30]) + (" …" if len(parts) > 30 else "")


def _telling(text: str) -> tuple[str, ...]:
    """What two similar answers have in common in any case: numbers, signs, words that turn."""
    return tuple(
        sorted(
            word
            for word in words_of(text)
            if word in _TURNING or not word[0].isalpha() or word.endswith("n't")
        )
    )


def _clusters(texts: Sequence[str]) -> list[int]:
    """A label for each text; equal labels are similar texts."""
    if len(texts) < 2:
        return [0] * len(texts)
    import numpy as np
    from sklearn.cluster import AgglomerativeClustering
    from sklearn.feature_extraction.text import TfidfVectorizer

    words = TfidfVectorizer(analyzer=words_of)
    letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5))
    try:
        vectors = [each.fit_transform(texts) for each in (words, letters)]
    except ValueError:  # there is no word in any of them
        return list(range(len(texts)))
    cosines = sum((each @ each.T).toarray() for each in vectors) / len(vectors)
    distances = np.clip(1.0 - cosines, 0.0, None)
    # Without a word in it, a text has no length; still it is like itself.
    np.fill_diagonal(distances, 0.0)
    cluster = AgglomerativeClustering(
        n_clusters=None, metric="precomputed", linkage="complete", distance_threshold=1.0 - ALIKE
    )
    return [int(label) for label in cluster.fit_predict(distances)]


def _in_order(groups: Iterable[list[str]]) -> Groups:
    """The largest first; of one size as their answers come."""
    return sorted(groups, key=lambda group: -len(group))
