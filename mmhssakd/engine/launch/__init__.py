from .arguments import DictAction
from .launch import launch_config
from .teacher import teacher_run

__all__ = ['DictAction', 'launch_config', 'teacher_run']
