"""How the program is started and reached: composition, settings, command line, transports."""

from apiframe_studio import __version__

__all__ = ["__version__"]
