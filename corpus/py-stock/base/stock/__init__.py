"""What lies in the warehouse, and what has to be ordered."""
