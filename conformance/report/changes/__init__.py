"""What changed between two runs, told to people and to programs."""
