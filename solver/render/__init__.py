"""Text for people: trees, tables and differences. Pure functions from data to ``str``; no terminal here."""
