from .compose_views import ComposeViews
from .permute_channel_views import PermuteChannelViews
from .rotate_views import RotateViews, rotate_views
from .views import Views

__all__ = ['ComposeViews', 'PermuteChannelViews', 'RotateViews', 'Views', 'rotate_views']
