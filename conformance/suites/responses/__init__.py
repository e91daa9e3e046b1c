"""POST /responses: the newer endpoint, whose answers are lists of typed items."""
