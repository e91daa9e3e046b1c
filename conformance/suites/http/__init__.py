"""HTTP and JSON as such, whatever the endpoint: bytes, headers, credentials, methods."""
