"""The questions of unit 10: who holds what, what is sent, and when many devices pay."""

CHAPTERS = ("sharing", "collectives", "hiding", "cutting", "fine_tuning", "fitting")
