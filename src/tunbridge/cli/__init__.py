"""What a person types: options in, text and exit status out; no logic."""
