"""Counts any PyTorch model without running it for real.

>>> from helpers.meter import count
>>> print(count("resnet50"))
"""
# ruff: noqa: F401 (these names are for others)

from helpers.meter.count import count
from helpers.meter.result import Count, Entry, Row, Unknown
