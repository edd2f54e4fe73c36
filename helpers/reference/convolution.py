"""Convolutions in one, two and three dimensions, transposed ones, and what they do to sizes.

The kernel slides over the *padded* input, so along each dimension

    output = ⌊(input + 2 · padding − dilation · (kernel − 1) − 1) / stride⌋ + 1.

Every output is a dot product of in_channels / groups · kernel numbers, zeros of the padding
included: MAC = batch · out_channels · outputs · (in_channels / groups) · kernel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

from helpers.ledger import Term
from helpers.reference.layer import (
    Layer,
    bias_additions,
    divides,
    per_dimension,
    summed,
    whole,
)

PerDimension = int | Sequence[int]


def conv2d_output_size(
    size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1
) -> int:
    """Positions of a kernel along one dimension of a padded input.

    It is the same along every dimension, of pooling as of convolution. ValueError when the kernel
    is larger than the padded input.  Source: Dumoulin and Visin, arXiv:1603.07285, relationship 15.
    """
    size, kernel, stride = whole("size", size), whole("kernel", kernel), whole("stride", stride)
    padding, dilation = whole("padding", padding, minimum=0), whole("dilation", dilation)
    padded, reach = size + 2 * padding, dilation * (kernel - 1) + 1
    if reach > padded:
        raise ValueError(f"the kernel spans {reach} but the padded input only {padded}")
    return (padded - reach) // stride + 1


def conv_transpose2d_output_size(
    size: int,
    kernel: int,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    output_padding: int = 0,
) -> int:
    """(size − 1) · stride − 2 · padding + dilation · (kernel − 1) + output_padding + 1.

    Source: Dumoulin and Visin, arXiv:1603.07285, relationship 14, with dilation.
    """
    size, kernel, stride = whole("size", size), whole("kernel", kernel), whole("stride", stride)
    padding, dilation = whole("padding", padding, minimum=0), whole("dilation", dilation)
    output_padding = whole("output_padding", output_padding, minimum=0)
    if output_padding >= max(stride, dilation):
        raise ValueError(
            f"output_padding ({output_padding}) must be smaller than the stride or the dilation"
        )
    output = (size - 1) * stride - 2 * padding + dilation * (kernel - 1) + output_padding + 1
    if output < 1:
        raise ValueError(f"padding {padding} leaves nothing of the output")
    return output


def receptive_field(
    kernels: Sequence[int],
    strides: Sequence[int] | None = None,
    dilations: Sequence[int] | None = None,
) -> int:
    """How many inputs, along one dimension, one output of a stack of layers sees.

    1 + Σ dilation · (kernel − 1) · (product of the strides before): a stride widens what every
    later layer sees.  Source: Araujo, Norris and Sim, Distill (2019), doi:10.23915/distill.00021.
    """
    kernels = [whole("kernel", kernel) for kernel in kernels]
    strides = [whole("stride", stride) for stride in strides or [1] * len(kernels)]
    dilations = [whole("dilation", dilation) for dilation in dilations or [1] * len(kernels)]
    if not len(kernels) == len(strides) == len(dilations):
        raise ValueError("give one stride and one dilation for each kernel")
    field, jump = 1, 1
    for kernel, stride, dilation in zip(kernels, strides, dilations, strict=True):
        field += dilation * (kernel - 1) * jump
        jump *= stride
    return field


@dataclass(frozen=True)
class Convolution(Layer):
    """Convolution of an input (batch, in_channels, *size) in one, two or three dimensions.

    `kernel`, `stride`, `padding` and `dilation` are one number for all dimensions or one for each;
    `padding` may be "same" (the output is as large as the input, stride 1 only) or "valid" (none).
    With `groups`, each output sees in_channels / groups channels: groups = in_channels is a
    depthwise convolution. MAC = outputs · (in_channels / groups) · kernel; the bias adds one FLOP
    for each output. Backward: the gradients of input and weights cost as many MAC each as the
    forward pass, the gradient of the bias is a sum.
    Source: Dumoulin and Visin, arXiv:1603.07285; groups: Krizhevsky et al. (2012).
    """

    batch: int
    in_channels: int
    out_channels: int
    size: Sequence[int]
    kernel: PerDimension
    stride: PerDimension = 1
    padding: PerDimension | str = 0
    dilation: PerDimension = 1
    groups: int = 1
    bias: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        divides("groups", self.groups, "in_channels", self.in_channels)
        divides("groups", self.groups, "out_channels", self.out_channels)
        if isinstance(self.padding, str) and self.padding not in ("same", "valid"):
            raise ValueError(f'padding must be sizes, "same" or "valid", not {self.padding!r}')
        if self.padding == "same" and set(self._sides_of("stride")) != {1}:
            raise ValueError('padding "same" needs stride 1')
        _ = self.output_size  # raises where the kernel does not fit

    def _sides_of(self, name: str, minimum: int = 1) -> tuple[int, ...]:
        return per_dimension(name, getattr(self, name), len(self.size), minimum)

    @property
    def output_size(self) -> tuple[int, ...]:
        if self.padding == "same":
            return tuple(self.size)
        windows = zip(
            self.size,
            self._sides_of("kernel"),
            self._sides_of("stride"),
            (0,) * len(self.size) if self.padding == "valid" else self._sides_of("padding", 0),
            self._sides_of("dilation"),
            strict=True,
        )
        return tuple(conv2d_output_size(*window) for window in windows)

    @property
    def outputs(self) -> int:
        return self.batch * self.out_channels * prod(self.output_size)

    @property
    def _forward_macs(self) -> int:
        return self.outputs * self.in_channels // self.groups * prod(self._sides_of("kernel"))

    def products(self, backward: bool = False) -> Mapping[str, int]:
        names = ["multiply-accumulates"]
        if backward:
            names += ["gradient of the input", "gradient of the weights"]
        return dict.fromkeys(names, self._forward_macs)

    def scalars(self, backward: bool = False) -> Sequence[Term]:
        if not self.bias:
            return ()
        terms = [bias_additions(self.outputs)]
        if backward:
            terms.append(summed("gradient of the bias", self.outputs, self.out_channels))
        return terms

    def weights(self) -> Mapping[str, int]:
        kernels = (
            self.in_channels * self.out_channels // self.groups * prod(self._sides_of("kernel"))
        )
        return {"weights": kernels, **({"bias": self.out_channels} if self.bias else {})}

    def reads(self) -> Mapping[str, int]:
        return {"input": self.batch * self.in_channels * prod(self.size)}

    def writes(self) -> Mapping[str, int]:
        return {"output": self.outputs}


@dataclass(frozen=True)
class ConvTranspose(Convolution):
    """Transposed convolution: every input is spread over a kernel of outputs.

    MAC = batch · in_channels · inputs · (out_channels / groups) · kernel: counted from the
    *input*, because each input multiplies the whole kernel once. (Counting from the output, as
    some tools do, overstates it stride² times.) Sizes, bias and backward as in a convolution.
    Source: Dumoulin and Visin, arXiv:1603.07285, chapter 4.
    """

    output_padding: PerDimension = 0

    @property
    def output_size(self) -> tuple[int, ...]:
        if isinstance(self.padding, str):
            raise ValueError("a transposed convolution takes its padding as sizes")
        windows = zip(
            self.size,
            self._sides_of("kernel"),
            self._sides_of("stride"),
            self._sides_of("padding", 0),
            self._sides_of("dilation"),
            self._sides_of("output_padding", 0),
            strict=True,
        )
        return tuple(conv_transpose2d_output_size(*window) for window in windows)

    @property
    def _forward_macs(self) -> int:
        inputs = self.batch * self.in_channels * prod(self.size)
        return inputs * self.out_channels // self.groups * prod(self._sides_of("kernel"))
