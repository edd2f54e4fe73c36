"""What the shell says: `course grade`, `course collect`, `course check`."""
