from .launch import launch_config
from .teacher import teacher_run

__all__ = ['launch_config', 'teacher_run']
