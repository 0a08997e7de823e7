"""Sockets, the event loop and its one timer."""
