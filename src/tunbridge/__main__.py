"""`python -m tunbridge` is the same as the `tunbridge` command."""

from tunbridge.cli.main import main

if __name__ == "__main__":
    main()
