"""Images in the messages of a chat completions request: seen, counted, and refused."""
