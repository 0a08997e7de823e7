"""Records, metrics and the log, behind bounded queues."""
