from .rotate_views import RotateViews, rotate_views

__all__ = ['RotateViews', 'rotate_views']
