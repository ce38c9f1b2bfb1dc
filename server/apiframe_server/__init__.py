"""The process: composition, settings, command line and transports."""

from apiframe_studio import __version__

__all__ = ["__version__"]
