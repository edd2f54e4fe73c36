"""Proves questions before they are released: `course prove`.

Wrong answers are made by the hundred, each a right one, or a known mistake, with one slip, and
judged as the notebook and the grader judge. `answers` makes them, with `mutants`; `judging` says
what a question makes of each; `report` is what people and programs read.
"""
