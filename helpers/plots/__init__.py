"""Pictures. Titles say what is to be seen, axes have units, and grey prints lose nothing."""
# ruff: noqa: F401 (these names are for others)

from helpers.plots.cost import cost_by_module
from helpers.plots.ledger import ledger_bar
from helpers.plots.memory import activations_by_layer, fits, memory_timeline
from helpers.plots.roofline import roofline
