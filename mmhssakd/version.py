"""The version of mmhssakd."""

__version__ = '0.1.0'
