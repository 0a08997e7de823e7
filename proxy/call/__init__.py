"""What one INVITE says: its claims, the trunk it came from, and the directory that calls are held against."""
