"""Transactions of RFC 3261 §17 and RFC 6026: four machines written as tables, their timers and keys."""
