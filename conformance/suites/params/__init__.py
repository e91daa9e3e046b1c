"""Rules about the parameters of a chat completions request, one by one."""
