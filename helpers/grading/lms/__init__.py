"""Learning platforms: their downloads in, their grade sheets out."""
