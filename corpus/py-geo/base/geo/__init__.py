"""Places on a globe."""
