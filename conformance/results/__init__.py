"""The results file: how it is written, what stands in it as evidence, and how it is read again."""
