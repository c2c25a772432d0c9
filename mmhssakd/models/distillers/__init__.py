from .hssakd import HSSAKD

__all__ = ['HSSAKD']
