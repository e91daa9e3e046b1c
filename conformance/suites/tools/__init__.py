"""Tool calls: their shape, their arguments, and whether the request's choice was obeyed."""
