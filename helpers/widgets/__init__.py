"""Pictures with sliders. Where ipywidgets is missing, or nothing can slide, they stand still."""
# ruff: noqa: F401 (these names are for others)

from helpers.widgets.convolution import convolution
from helpers.widgets.roofline import roofline
