from .hssakd import HSSAKD
from .online_hssakd import OnlineHSSAKD

__all__ = ['HSSAKD', 'OnlineHSSAKD']
