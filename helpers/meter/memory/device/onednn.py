"""The memory that a convolution on a CPU takes beside its tensors, as formulas of its shapes.

PyTorch hands convolutions on x86 to oneDNN, whose kernels want the channels in blocks of one
vector register (16 floats with AVX-512, 8 with AVX2). A plain NCHW tensor is copied into that
layout before the kernel runs and back after it, so a convolution holds its input, its weights and
its output twice for a moment. A channels-last (NHWC) tensor is used as it lies; only the weights
are copied. Which kernel runs, and so which copies are made, follows from channels, groups, kernel
size and stride; the rules here were read off `ONEDNN_VERBOSE=1` for oneDNN 3.13 and hold to the
byte there except for buffers of a few kB for each thread.

All functions return bytes at the moment of an operation's highest use, beyond what was there
before it and beyond its outputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, prod

#: Bytes of barriers and pointers that a kernel keeps for all its threads.
_BOOKKEEPING = 8448

#: Bytes of partial sums that each thread of a matrix product keeps.
_PRODUCT_SUMS = 262_144

#: Bytes that kernels were seen to take to find their blocks, at most.
POINTERS = 80 * 1024

#: Bytes that align the columns of threads.
_ALIGNMENT = 256

#: Positions of an image from which on threads share it, rather than take an image each.
_POSITIONS_OF_A_THREAD = 256


#: Bytes that threads sum a bias's gradient in, where they cannot share out the blocks of outputs.
_BIAS_SUMS = 12_352


@dataclass(frozen=True)
class _Layout:
    """How a kernel wants its tensors: channels in blocks of `block`, or plain (`block` is 1)."""

    source: int
    destination: int


@dataclass(frozen=True)
class Convolution:
    """The shapes of one convolution. Spatial sizes are those of two or three dimensions."""

    batch: int
    in_channels: int
    out_channels: int
    groups: int
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    in_size: tuple[int, ...]
    out_size: tuple[int, ...]
    element_bytes: int
    channels_last: bool
    threads: int
    register: int
    weight_channels_last: bool = False
    padding: tuple[int, ...] = (0, 0)
    dilation: tuple[int, ...] = (1, 1)
    transposed: bool = False

    @property
    def depthwise(self) -> bool:
        return self.groups > 1 and self.in_channels == self.out_channels == self.groups

    @property
    def strided(self) -> bool:
        return any(s != 1 for s in self.stride)

    @property
    def dilated(self) -> bool:
        return any(d != 1 for d in self.dilation)

    @property
    def reaches_far(self) -> bool:
        """A dilated kernel that finds padding wherever it lies."""
        sizes = zip(self.padding, self.out_size, strict=True)
        return self.dilated and any(2 * padding >= size for padding, size in sizes)

    @property
    def pointwise(self) -> bool:
        return prod(self.kernel) == 1

    @property
    def group_block(self) -> int:
        """Channels in a block of a grouped convolution: they must divide both sides of a group."""
        sides = self.in_channels // self.groups, self.out_channels // self.groups
        fitting = (b for b in (16, 8, 4) if b <= self.register and not any(s % b for s in sides))
        return next(fitting, 1)

    def source_bytes(self, block: int = 1) -> int:
        return self._feature_bytes(self.in_channels, self.in_size, block)

    def destination_bytes(self, block: int = 1) -> int:
        return self._feature_bytes(self.out_channels, self.out_size, block)

    def _feature_bytes(self, channels: int, size: tuple[int, ...], block: int) -> int:
        return self.batch * _padded(channels, block) * prod(size) * self.element_bytes

    def weight_bytes(self, source_block: int = 1, destination_block: int = 1) -> int:
        if self.depthwise:
            channels = _padded(self.groups, max(source_block, destination_block))
        else:
            channels = self.groups * (
                _padded(self.in_channels // self.groups, source_block)
                * _padded(self.out_channels // self.groups, destination_block)
            )
        return channels * prod(self.kernel) * self.element_bytes

    def layout(self, gradient_of: str = "") -> _Layout:
        """Blocks that the kernel works in: the forward pass, or the gradient of one side."""
        register = self.register
        if self.depthwise:
            # The depthwise kernel for gradients of weights stops at 3 x 3.
            plain = gradient_of == "weight" and self.kernel[-1] > 3
            return _Layout(1, 1) if plain else _Layout(register, register)
        narrow = self.dilated and register < 16
        if gradient_of == "weight" and (self.kernel[-1] > 14 or self.reaches_far or narrow):
            return _Layout(1, 1)
        if self.groups > 1:
            block = self.group_block
            if gradient_of == "weight" and block < 8:
                block = 1
            return _Layout(block, block)
        if self.in_channels < register and not gradient_of:
            return _Layout(1, register)
        if self.in_channels <= 3 and gradient_of == "weight":
            return _Layout(1, register)
        if self.in_channels < register and gradient_of == "weight":
            return _Layout(1, 1) if self.dilated else _Layout(8, 8)
        return _Layout(register, register)

    @property
    def inner_product(self) -> bool:
        """A large kernel that covers its whole input is run as a matrix product, channels-last."""
        covers = self.kernel == self.in_size and prod(self.out_size) == 1
        return covers and self.groups == 1 and self.batch > 1 and prod(self.kernel) > 16

    def forward(self) -> int:
        if self.inner_product:
            sums = self.threads * _PRODUCT_SUMS
            return sums + self.source_bytes() + self.weight_bytes() + self.destination_bytes()
        if self.channels_last:
            return self._weight_copies()
        layout = self.layout()
        source = self.source_bytes(layout.source) if layout.source > 1 else 0
        destination = self.destination_bytes(layout.destination)
        weight = self._weight_in(layout)
        scratch = 0
        if self.pointwise and self.strided:
            scratch = self._gathered_bytes()
        plain = self.destination_bytes()
        return max(scratch + source + weight + destination, destination + plain) - plain

    def _gathered_bytes(self) -> int:
        """Before a strided 1 x 1 kernel, each thread gathers the positions that it keeps."""
        return self.threads * self.in_channels * prod(self.out_size) * self.element_bytes

    def backward(self, mask: tuple[bool, bool, bool]) -> int:
        """`mask` says which gradients are asked for: input, weight, bias."""
        gradient_input = self.source_bytes() if mask[0] else 0
        gradient_weight = self.weight_bytes() if mask[1] else 0
        peak = gradient_input + gradient_weight
        if mask[0]:
            peak = max(peak, self._backward_input())
        if mask[1]:
            peak = max(peak, gradient_input + self._backward_weight(mask[2]))
        return peak - gradient_input - gradient_weight

    def _backward_input(self) -> int:
        if self.inner_product:
            return max(self.weight_bytes() + self.source_bytes(), 3 * self.source_bytes())
        if self.channels_last:
            return self._weight_copies() + self.source_bytes()
        layout = self.layout("input")
        if self._strided_brgemm():
            # This kernel works channels-last; its result is copied to plain layout in two steps.
            weight = self.weight_bytes(self.register)
            working = self.destination_bytes() + weight + self.source_bytes()
            return max(working + self._padded_gradients(), 3 * self.source_bytes())
        source = self.source_bytes(layout.source)
        destination = self.destination_bytes(layout.destination) if layout.destination > 1 else 0
        return max(destination + self._weight_in(layout) + source, source + self.source_bytes())

    def transposed_forward(self, bias: bool) -> int:
        """The transposed convolution: this one's gradient of its input.

        Where the kernel adds no bias, the result without it is in a buffer of its own.
        """
        apart = bias and not self.channels_last and not self._strided_brgemm()
        without_bias = self.source_bytes() + _ALIGNMENT // 2 if apart else 0
        return self.backward((True, False, False)) + without_bias

    def transposed_backward(self, mask: tuple[bool, bool, bool]) -> int:
        """Gradients of the transposed convolution, of its input, weight and bias."""
        gradient_input = self.destination_bytes() if mask[0] else 0
        gradient_weight = self.weight_bytes() if mask[1] else 0
        peak = gradient_input + gradient_weight
        if mask[0]:
            peak = max(peak, self.forward() + gradient_input)
        if mask[1]:
            peak = max(peak, gradient_input + self._backward_weight(mask[2]))
        return peak - gradient_input - gradient_weight

    def _padded_gradients(self) -> int:
        """Each thread's copy of one image's output gradient, with the border that kernels reach."""
        sizes = zip(self.out_size, self.kernel, self.stride, strict=True)
        pixels = prod(o + (ceil((k - 1) / s) + 1 if k > 1 else 0) for o, k, s in sizes)
        image = self.out_channels * pixels * self.element_bytes
        return self.threads * image + self._batch_pointers()

    def _batch_pointers(self) -> int:
        """What a kernel of small matrix products keeps to find its blocks."""
        return 4096 + 4120 * self.threads

    def _strided_brgemm(self) -> bool:
        if not self.strided or self.depthwise:
            return False
        return self.groups == 1 or max(self.in_channels, self.out_channels) > 16 * self.groups

    def _backward_weight(self, bias: bool = False) -> int:
        layout = self.layout("weight")
        plain = self.weight_bytes()
        if self.inner_product:
            return 3 * plain
        if layout.source == layout.destination == 1 and not (self.channels_last and self.depthwise):
            kept = self._channels_last_weight() if self.channels_last else 0
            return kept + self._unfolded_gradient()
        if self.channels_last:
            if self.depthwise and self.kernel[-1] > 3:
                # Each group is padded to a full block of inputs and of outputs.
                blocks = self.groups * self.register**2
                weight = blocks * prod(self.kernel) * self.element_bytes
            else:
                weight = self._weight_in(layout)
            reduction = self._reduction_bytes(layout, weight)
            kept = self._channels_last_weight()
            return kept + max(weight + reduction, weight + 2 * plain)
        source = self.source_bytes(layout.source) if layout.source > 1 else 0
        destination = self.destination_bytes(layout.destination) if layout.destination > 1 else 0
        weight = self._weight_in(layout)
        scratch = self._reduction_bytes(layout, weight)
        blocks = ceil(self.out_channels / layout.destination)
        if bias and self.batch > 1 and blocks % self.threads and not self.pointwise:
            scratch += _BIAS_SUMS
        if self.pointwise and self.strided:
            scratch += self._gathered_bytes() // 2
        return max(destination + source + weight + scratch, weight + plain)

    @property
    def is_plain(self) -> bool:
        """Whether it is of those that models are mostly made of: what the formulas say it takes,
        it does take."""
        first = self.in_channels in (1, 3) and not self.pointwise  # layer of a model of images
        wide = self.out_channels >= 16 and (self.in_channels >= 16 or first)
        whole = self.groups == 1 or self.depthwise
        return wide and whole and not self.dilated and not self.transposed

    @property
    def is_usual(self) -> bool:
        """Whether the formulas were read off for it, and hold some kB apart: see `POINTERS`."""
        lies_so = len(self.kernel) == 2 and not self.channels_last
        return self.is_plain and lies_so and self.register == 16

    def at_most(self) -> int:
        """Bytes that a kernel may take, whichever runs: it holds its tensors in blocks, the weights
        some times, or unfolds the input in every thread."""
        block = self.register
        weights = max(self.weight_bytes(block, block), self.groups * self.weight_bytes())
        blocked = self.source_bytes(block) + self.destination_bytes(block) + 4 * weights
        unfolded = self.threads * (self._column_bytes() + 4 * self.weight_bytes())
        return max(blocked, unfolded + 3 * self.weight_bytes()) + POINTERS

    def _column_bytes(self) -> int:
        """One image and group, unfolded."""
        rows = self.in_channels // self.groups * prod(self.kernel)
        return rows * prod(self.out_size) * self.element_bytes

    def _unfolded_gradient(self) -> int:
        """Where no blocked kernel fits, threads unfold the input and multiply matrices.

        Each thread holds the columns of one image and group, and four times the weight gradient.
        Where an image has many positions, the threads share one.
        """
        threads = min(self.threads, self.batch * self.groups)
        if prod(self.out_size) >= _POSITIONS_OF_A_THREAD * self.threads:
            threads = 1
        each = self._column_bytes() + 4 * self.weight_bytes()
        return self.weight_bytes() + threads * each + _ALIGNMENT

    def _weight_in(self, layout: _Layout) -> int:
        return self.weight_bytes(layout.source, layout.destination)

    def _channels_last_weight(self) -> int:
        """A contiguous weight is first copied to channels-last, unless the two are the same."""
        same = self.pointwise or self.in_channels == self.groups or self.weight_channels_last
        return 0 if same else self.weight_bytes()

    def _weight_copies(self) -> int:
        block = self.register if self.depthwise else 1
        scratch = 0 if self.depthwise else self._batch_pointers()
        return self._channels_last_weight() + self.weight_bytes(block, block) + scratch

    def _reduction_bytes(self, layout: _Layout, weight: int) -> int:
        """Copies of the weight gradient that threads sum into when they split the batch."""
        if self.groups >= self.threads and self.groups > 1:
            return 0
        copies = self._batch_threads(layout) - 1
        return copies * weight + _BOOKKEEPING if copies else 0

    def _batch_threads(self, layout: _Layout) -> int:
        """Over how many threads oneDNN splits the batch: the split that moves the least memory.

        A 1 x 1 kernel weighs inputs, outputs and weights 1 : 1 : 12 and can split positions too;
        the others weigh them 4 : 1 : 8.
        """
        threads = max(1, self.threads // self.groups)
        ins = ceil(self.in_channels / self.groups / layout.source)
        outs = ceil(self.out_channels / self.groups / layout.destination)
        positions = prod(self.out_size)
        if self.pointwise:
            work, per_item, weights = self.batch * positions, (1, 1), (1, 1, 12)
        else:
            inputs = prod(self.in_size) // prod(self.stride)
            work, per_item, weights = self.batch, (inputs, positions), (4, 1, 8)
            if self.batch == 1:  # rows of the one image
                rows = self.out_size[-2] if len(self.out_size) > 1 else 1
                work, per_item = rows, (inputs // rows, positions // rows)
        best = None
        for split in range(1, min(threads, work) + 1):
            for out_split in range(1, min(threads // split, outs) + 1):
                in_split = min(threads // split // out_split, ins)
                items = ceil(work / split)
                in_part = ceil(ins / in_split) * layout.source
                out_part = ceil(outs / out_split) * layout.destination
                cost = (
                    weights[0] * items * in_part * per_item[0]
                    + weights[1] * items * out_part * per_item[1]
                    + weights[2] * in_part * out_part * prod(self.kernel)
                )
                if best is None or cost <= best[0]:
                    best = cost, split
        return best[1] if best else 1


def _padded(channels: int, block: int) -> int:
    return ceil(channels / block) * block
