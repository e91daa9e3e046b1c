"""POST /embeddings: vectors that stand for texts."""
