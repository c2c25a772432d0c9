from . import hooks, loops, optimizers, runner

__all__ = ['hooks', 'loops', 'optimizers', 'runner']
