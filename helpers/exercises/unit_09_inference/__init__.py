"""The questions of unit 09: what a token costs, when it is written and when it is learned."""

CHAPTERS = ("arithmetic", "cache", "batches", "fewer_bytes", "prices")
