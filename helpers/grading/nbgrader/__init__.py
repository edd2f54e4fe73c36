"""Where marks are kept: nbgrader's configuration and gradebook."""
