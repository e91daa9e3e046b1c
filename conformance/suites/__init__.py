"""The checks, one module or folder for each suite; a check's id names the file it is in."""
