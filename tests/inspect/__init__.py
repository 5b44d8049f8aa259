"""Tests of what looks at hosts: the reader, the model, checks, sources, pictures and words."""
