from .load_image import LoadImage
from .views import ComposeViews, PermuteChannelViews, RotateViews, Views, rotate_views

__all__ = ['ComposeViews', 'LoadImage', 'PermuteChannelViews', 'RotateViews', 'Views', 'rotate_views']
