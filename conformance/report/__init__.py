"""What is made of verdicts: results files, what the terminal shows, the page of checks."""
