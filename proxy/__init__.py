"""Trunkward: calling-number verification inline on voice trunks."""

__version__ = "0.1.0"
