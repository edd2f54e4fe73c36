"""Counts the MAC, FLOP and bytes of any PyTorch model from what it dispatches."""
