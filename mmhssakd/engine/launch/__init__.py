from .arguments import DictAction, positive_number
from .launch import launch_config
from .teacher import teacher_run

__all__ = ['DictAction', 'launch_config', 'positive_number', 'teacher_run']
