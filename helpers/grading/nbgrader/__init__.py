"""A course as nbgrader has it: configuration, files, what was graded, gradebook, lateness."""
