"""A day of work with the clients of the field against a whole server."""
