"""Where the facts that calls are held against come from."""
