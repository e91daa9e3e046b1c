"""Rules about POST /chat/completions."""
