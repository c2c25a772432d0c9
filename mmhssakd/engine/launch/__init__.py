from .arguments import DictAction, natural
from .launch import launch_config
from .teacher import teacher_run

__all__ = ['DictAction', 'launch_config', 'natural', 'teacher_run']
