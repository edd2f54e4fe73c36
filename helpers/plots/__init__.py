"""Pictures. Titles say what is to be seen, axes have units, and grey prints lose nothing."""
# ruff: noqa: F401 (these names are for others)

from helpers.plots.ledger import ledger_bar
