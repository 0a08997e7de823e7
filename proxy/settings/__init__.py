"""Configuration: its model, its strict reader, and the message catalogue."""
