"""Programs on a ring: what they sum, what its links carry, what is refused."""

import pytest

from helpers.reference.many_devices import collective_bytes, collective_seconds
from helpers.ring import RingError, run_ring


def round_and_round(rank, ranks, mine):
    total = passing = mine
    for _ in range(ranks - 1):
        passing = yield passing
        total = [a + b for a, b in zip(total, passing, strict=True)]
    return total


def in_chunks(rank, ranks, mine):
    size = len(mine) // ranks

    def places(chunk):
        start = chunk % ranks * size
        return slice(start, start + size)

    for step in range(ranks - 1):
        got = yield mine[places(rank - step)]
        at = places(rank - step - 1)
        mine[at] = [a + b for a, b in zip(mine[at], got, strict=True)]
    for step in range(ranks - 1):
        got = yield mine[places(rank + 1 - step)]
        mine[places(rank - step)] = got
    return mine


def numbers(ranks, length):
    return [[ranks * 10 * at + rank for at in range(length)] for rank in range(ranks)]


@pytest.mark.parametrize("program", [round_and_round, in_chunks])
@pytest.mark.parametrize("ranks", [1, 2, 3, 8])
def test_every_rank_has_the_sum(program, ranks):
    given = numbers(ranks, 24)
    run = run_ring(program, given)
    assert run.results == ([sum(each) for each in zip(*given, strict=True)],) * ranks


@pytest.mark.parametrize("ranks", [2, 3, 8])
def test_each_link_carries_what_the_ledger_of_an_all_reduce_says(ranks):
    run = run_ring(in_chunks, numbers(ranks, 24))
    by_hand = collective_bytes("all-reduce", 4 * 24, ranks).total
    assert {4 * carried for carried in run.carried} == {by_hand}
    seconds = collective_seconds("all-reduce", 4 * 24, ranks, 1e6, 1e-3).total
    assert run.seconds(1e-3, 1e6) == pytest.approx(seconds)


def test_what_a_rank_gets_is_a_copy():
    def changed(rank, ranks, mine):
        got = yield mine
        got[0] = -1
        return mine

    assert run_ring(changed, [[1], [2]]).results == ([1], [2])


def ends_early(rank, ranks, mine):
    for _ in range(rank + 1):
        yield mine
    return mine


def never_ends(rank, ranks, mine):
    while True:
        yield mine


def sends_a_number(rank, ranks, mine):
    yield mine[0]


def returns_nothing(rank, ranks, mine):
    yield mine


def returns_chunks(rank, ranks, mine):
    yield mine
    return [mine[:1], mine[1:]]


def not_yet_written(rank, ranks, mine):
    raise NotImplementedError


def test_a_program_that_is_still_to_be_written_says_so():
    with pytest.raises(NotImplementedError):
        run_ring(not_yet_written, numbers(3, 6))


@pytest.mark.parametrize(
    ("program", "says"),
    [
        (lambda rank, ranks, mine: mine, "sends nothing"),
        (ends_early, "rank 0 has ended after 1 steps and rank 1 still sends"),
        (never_ends, "no rank has ended"),
        (sends_a_number, "rank 0 sends int, where a list of numbers is needed"),
        (returns_nothing, "rank 0 returns NoneType"),
        (returns_chunks, "rank 0 returns a list with list in it"),
    ],
)
def test_what_would_hang_or_fail_on_devices_is_said_in_a_line(program, says):
    with pytest.raises(RingError, match=says):
        run_ring(program, numbers(3, 6))
