"""What datasets hear."""
