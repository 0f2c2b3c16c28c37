"""Pages of retirement."""
