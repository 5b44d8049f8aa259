"""The Networking API over HTTP: routing, who may, queries, bodies, errors."""
