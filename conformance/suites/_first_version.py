"""What the first version of the API did otherwise, when models were called engines."""

FIRST_ROUTE = "/engines/"
"""In the path of its requests. Its replies counted no tokens and its limits were others."""
