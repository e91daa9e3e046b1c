"""POST /completions: text that continues a prompt, the legacy endpoint."""
