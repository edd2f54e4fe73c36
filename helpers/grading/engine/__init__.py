"""A notebook to a mark: run in the sandbox, judged outside it, many at once."""
