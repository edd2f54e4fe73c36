"""Counts any PyTorch model without running it for real.

>>> from helpers.meter import count
>>> print(count("resnet50"))
"""
# ruff: noqa: F401 (these names are for others)

from helpers.meter.flops.count import count
from helpers.meter.flops.counting import counting
from helpers.meter.flops.result import Count, Entry, Row, Unknown
from helpers.meter.memory.largest_batch import LargestBatch, largest_batch
from helpers.meter.memory.predict import Memory, inference_memory, training_memory
from helpers.meter.memory.ranks.plan import Plan
