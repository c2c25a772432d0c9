from .launch import launch_config

__all__ = ['launch_config']
