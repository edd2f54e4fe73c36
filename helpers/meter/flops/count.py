"""Counts a model: MAC, FLOP, parameters and bytes, by module and by operation.

    >>> from helpers.meter import count
    >>> count("resnet50").macs
    4089184256

The model runs once on the meta device, where tensors have shapes and no storage: counting takes
milliseconds and no memory, whatever the model's size.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import torch
from torch import nn

from helpers.meter.flops.conventions import Convention, Course, Mac2
from helpers.meter.flops.module_stack import ModuleStack
from helpers.meter.flops.recorder import Recorder
from helpers.meter.flops.result import Count
from helpers.meter.flops.summary import summarize
from helpers.meter.flops.timm import Timm
from helpers.meter.flops.whole_ops import counting_whole
from helpers.meter.loan import Loan, Values, lending
from helpers.meter.meta import NeedsValues, inner_tensors, tensors_in
from helpers.meter.models import as_inputs, build, default_input, plain, refuse_taken_names
from helpers.meter.value_fallback import CannotRun, first_that_runs, reason_of

_CONVENTIONS: dict[str, type[Convention]] = {"course": Course, "mac2": Mac2, "timm": Timm}


#: What PyTorch says of a derivative that nobody follows.
_NO_GRADIENT = "does not require grad"


class _WantsGradients(Exception):
    """A forward pass that asks for derivatives itself, and is run without a graph."""


def count(
    model: str | nn.Module | Callable[..., Any],
    *inputs: Any,
    convention: str = "course",
    backward: bool = False,
    **keyword_inputs: Any,
) -> Count:
    """What one forward pass of `model` costs, or, with `backward`, one forward and backward pass.

    `model` is a module (counted in the mode it is in, train or eval), a function of tensors, the
    name of a timm model or `module:factory` (built without storage, in eval mode, in train mode
    for a backward). An input is a tensor on any device or a tuple of sizes; what is not a tensor
    is passed on. timm models have a default: a batch of one.

    `convention` is "course" (all operations, at the course's prices), "mac2" (products only, two
    FLOP each, as PyTorch counts) or "timm" (as timm publishes).

    The gradient of every output is taken as given, except that a result with a `loss` is
    differentiated through that. Raises ValueError when the model cannot run on these inputs, or
    needs the values of its inputs and not only their shapes.
    """
    rules = rules_of(convention)
    given = {"convention": convention != "course", "backward": backward}
    refuse_taken_names(model, **{name: True for name, is_given in given.items() if is_given})
    if backward and convention == "timm":
        raise ValueError("the timm convention has no backward: fvcore looks at the forward pass")

    def run(values: Values, whole: bool) -> Count:
        parts = as_inputs((inputs, keyword_inputs), whole)
        try:
            return _counted(values, model, rules, backward, *parts)
        except _WantsGradients:
            with torch.enable_grad():
                return _counted(values, model, rules, backward, *parts)

    with _clean_state(backward):
        counted, how = first_that_runs(run)
    return replace(counted, ran=how)


def rules_of(convention: str) -> Convention:
    """The convention of that name. ValueError where there is none."""
    if convention not in _CONVENTIONS:
        known = ", ".join(_CONVENTIONS)
        raise ValueError(f"unknown convention {convention!r}: use one of {known}")
    return _CONVENTIONS[convention]()


def _counted(
    values: Values,
    model: str | Callable[..., Any],
    rules: Convention,
    backward: bool,
    inputs: tuple[Any, ...],
    keyword_inputs: Mapping[str, Any],
) -> Count:
    """Runs the model once under a recorder, with these values."""
    if isinstance(model, str):
        model = build(model, train=backward, on_meta=values is not Values.ALL)
    model = plain(model)
    parts = dict(model.named_modules()) if isinstance(model, nn.Module) else {}
    if isinstance(model, nn.Module) and not inputs and not keyword_inputs:
        inputs = (default_input(model),)
    modules = ModuleStack({id(part): path for path, part in parts.items()})
    with lending(model, values) as loan:
        arguments, keywords = _lent(loan, model, inputs, keyword_inputs)
        tensors = [
            tensor
            for part in loan.modules
            for tensor in (*part._parameters.values(), *part._buffers.values())
            if tensor is not None
        ]
        tensors += [inner for tensor in tensors for inner in inner_tensors(tensor).values()]
        recorder = Recorder(rules, modules, {id(tensor): tensor for tensor in tensors}, values)
        with modules.following(), counting_whole(recorder), recorder:
            out = _run(model, arguments, keywords)
            if not parts:
                modules.saw_call("", (*arguments, *keywords.values()), out)
            if backward:
                modules.backward = True
                _differentiate(out, values)
        return summarize(recorder, parts, backward)


def _lent(loan: Loan, model: Any, inputs: Any, keyword_inputs: Any) -> tuple[Any, Any]:
    try:
        return loan.lend((inputs, keyword_inputs))
    except NeedsValues as error:
        raise CannotRun(f"{_name(model)} cannot be counted: {error}") from error


def _name(model: Any) -> str:
    return type(model).__name__ if isinstance(model, nn.Module) else getattr(model, "__name__", "")


def _run(model: Callable[..., Any], arguments: Any, keywords: Mapping[str, Any]) -> Any:
    try:
        return model(*arguments, **keywords)
    except Exception as error:
        if _NO_GRADIENT in str(error) and not torch.is_grad_enabled():
            raise _WantsGradients from error
        reason = reason_of(error)
        shapes = [str(tuple(tensor.shape)) for tensor in tensors_in(arguments, keywords)]
        given = ", ".join(shapes) or "none"
        message = f"{_name(model)} cannot be counted on inputs {given}: {reason}"
        raise CannotRun(message) from error


def _differentiate(out: Any, values: Values) -> None:
    loss = getattr(out, "loss", None)
    results = [loss] if isinstance(loss, torch.Tensor) else list(tensors_in(out))
    results = [result for result in results if result.requires_grad]
    if not results:
        raise ValueError("nothing to differentiate: no output depends on a parameter or input")
    try:
        like = torch.ones_like if values is Values.ALL else torch.empty_like
        torch.autograd.backward(results, [like(result) for result in results])
    except Exception as error:
        reason = reason_of(error)
        raise CannotRun(f"it has no backward pass that could be counted: {reason}") from error


@contextmanager
def _clean_state(backward: bool) -> Iterator[None]:
    """The state a count wants, whatever its caller's: no inference mode, no compiled code."""
    with torch.inference_mode(False), torch.set_grad_enabled(backward), plain_kernels():
        yield


@contextmanager
def plain_kernels() -> Iterator[None]:
    """Operations that a recorder can see into: no compiled attention, no encoder in one kernel."""
    fast_path = torch.backends.mha.get_fastpath_enabled()
    with ExitStack() as stack:
        if flexible := sys.modules.get("torch.nn.attention.flex_attention"):
            not_compiled = patch.object(flexible, "_FLEX_ATTENTION_DISABLE_COMPILE_DEBUG", True)
            stack.enter_context(not_compiled)
        torch.backends.mha.set_fastpath_enabled(False)
        try:
            yield
        finally:
            torch.backends.mha.set_fastpath_enabled(fast_path)
