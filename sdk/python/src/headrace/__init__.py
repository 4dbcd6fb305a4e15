"""Headrace in Python."""
