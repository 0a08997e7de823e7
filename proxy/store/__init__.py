"""Databases: the directory of customers, trunks and numbers on SQLite or PostgreSQL, with its history."""
