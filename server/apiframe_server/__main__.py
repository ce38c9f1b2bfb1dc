"""`python -m apiframe_server` is the command."""

import sys

from apiframe_server.cli import main

sys.exit(main())
