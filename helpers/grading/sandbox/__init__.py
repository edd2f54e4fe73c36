"""Where students' code runs: the sandbox, its processes, and what they print."""
