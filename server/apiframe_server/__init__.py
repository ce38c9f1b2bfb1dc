"""How the program is started and reached: composition, settings, command line, transports."""

__version__ = "0.1.0"
