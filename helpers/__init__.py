"""Helpers of the course on what neural networks cost.

Importing this package imports nothing: take what you need from its parts, for example
`from helpers.check import check` or `from helpers.ledger import Ledger`.
"""
