"""What runs come to beside each other: the cells of a matrix, its history, and what changed."""
