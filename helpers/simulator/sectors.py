"""How much of global memory a warp fetches: memory is moved in sectors of 32 bytes, never less.

What the 32 threads of a warp ask for in one instruction is fetched together: a sector that several
of them need moves once ("coalescing", CUDA C++ Best Practices Guide, "Coalesced Access to Global
Memory"). Here the n-th use of an array by each thread of a warp stands for one instruction, which
is so where its threads go the same way. Caches are left out.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from helpers.simulator.races import Index, Moment

#: Bytes of a sector, and threads of a warp.
SECTOR, WARP = 32, 32


class Sectors:
    """The sectors that the warps of a launch move to and from one array."""

    def __init__(self, array: np.ndarray, block: Index) -> None:
        """`block`: threads of a block, in x, y and z. An array begins where a sector does."""
        self._begin, self._block = _address(array), block
        self._uses: defaultdict[tuple[Index, Index], int] = defaultdict(int)
        self._moved: set[tuple[Index, int, int, int]] = set()

    def note(self, now: Moment, element: np.ndarray) -> None:
        """A thread uses an element, given as a view of the array."""
        use = self._uses[now.block, now.thread]
        self._uses[now.block, now.thread] += 1
        x, y, z = now.thread
        warp = (x + self._block.x * (y + self._block.y * z)) // WARP
        first = _address(element) - self._begin
        for sector in range(first // SECTOR, (first + element.itemsize - 1) // SECTOR + 1):
            self._moved.add((now.block, warp, use, sector))

    @property
    def count(self) -> int:
        return len(self._moved)


def _address(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])
