"""What runs inside the sandbox, with the student's code. Nothing here is secret.

This folder is copied into the sandbox as a package of its own, so it imports nothing from the
rest of the engine. Of what it does in there nothing is believed: the grader decodes every reply
with its own copy of `codec`, and judges values only.
"""
