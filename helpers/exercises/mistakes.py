"""Mistakes that questions of several units know, each with its one hint.

Misconception(*GB_AS_GIB, lambda peak, bandwidth: …)
"""

from __future__ import annotations

BITS_FOR_BYTES = ("bits for bytes", "eight bits make a byte")

ELEMENTS_FOR_BYTES = (
    "elements for bytes",
    "this is how many numbers move, not how many bytes: how large is one in fp32?",
)

FIRST_ADDITION_SAVED = (
    "first addition saved",
    "here one MAC is two FLOP: the first addition of each output counts, too",
)

FLOP_DOUBLED = ("FLOP doubled", "FLOP are given, not MAC: what is doubled here?")

GB_AS_GIB = (
    "GB taken as GiB",
    "a bandwidth in GB/s counts in steps of 1000, not of 1024",
)

HALF_THE_WIDTH = (
    "half the width",
    "this is half: how many bytes does a number take in fp32?",
)

IN_PERCENT = ("in percent", "a share lies between 0 and 1")

IN_SECONDS = ("in seconds", "this is in seconds: how many microseconds has one?")

OFFSET_FORGOTTEN = (
    "offset forgotten",
    "a view of a part does not begin at the start of the storage",
)

SPARSE_PEAK = (
    "sparse peak",
    "somewhere the peak is doubled: the one that is given is dense, and what you get",
)

TERA_LEFT_AS_GIGA = (
    "tera taken as giga",
    "a tera is a thousand giga: are both rates in one unit before they are compared?",
)

WEIGHTS_FOR_EVERY_SAMPLE = (
    "weights read for every sample",
    "the weights are read once for the whole batch, not once for each sample",
)

WEIGHTS_STILL_IN_IT = (
    "weights still in it",
    "the weights lie in memory during the pass, too",
)
