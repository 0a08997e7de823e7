"""Checks: what a call is held against, and the verdict that follows."""
