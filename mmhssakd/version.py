"""The version of mmhssakd."""

__version__ = '0.2.0'
