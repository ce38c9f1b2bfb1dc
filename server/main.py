"""Where the bundle starts; an installed program starts at the `apiframe-photo-mcp` command instead."""

from apiframe_server.cli import main

if __name__ == "__main__":
    main()
