"""Refusals and failures: their status, their headers, and the error object in the body."""
