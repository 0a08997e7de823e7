"""The demo: a caller and a callee on loopback around the real program, and a call of each kind."""
