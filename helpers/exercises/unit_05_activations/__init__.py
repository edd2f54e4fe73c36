"""The questions of unit 05: what is held at once, what training keeps, what a profile shows."""

CHAPTERS = ("chains", "fitting", "blocks", "kept", "profiles")
