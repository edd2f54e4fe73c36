"""Predicts what an inference or a training step holds, byte by byte."""
