"""Other forms of the picture: sources for Mermaid and Graphviz, a table of ports."""
