"""The central database: its schema from the model, the connection, a store for reading, transactions."""
