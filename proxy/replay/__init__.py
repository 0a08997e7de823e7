"""Calls that are only asked about: the same reading and the same verdicts as on the wire."""
