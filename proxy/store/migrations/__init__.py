"""The steps of the schema, each applied once, in order."""
