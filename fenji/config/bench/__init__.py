"""Benchmarks. Each measures a running house and prints JSON on its last line."""
