"""What one rank of several that train together holds and sends over a step."""
