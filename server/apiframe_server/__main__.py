"""`python -m apiframe_server` runs the command `apiframe-photo-mcp`."""

import sys

from apiframe_server.cli import main

sys.exit(main())
