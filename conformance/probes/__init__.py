"""What is asked of every target, one module an area; :mod:`conformance.probe` says how."""
