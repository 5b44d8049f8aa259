"""The checks: one module per subject, each a few functions from a `View` of the document to findings."""
