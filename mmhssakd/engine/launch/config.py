"""Read a config, with the options of a command line."""

import os.path as osp
from typing import Optional

from mmengine.config import Config

from .keys import check_options
from .options import spread_options


def read_config(file: str, options: Optional[dict] = None) -> Config:
    """Read a config file, and merge ``--cfg-options``.

    Raises:
        FileNotFoundError: There is no such file.
        KeyError: An option is misspelt, or nothing reads it.
    """
    if not osp.isfile(file) or not file.endswith(('.py', '.json', '.yaml', '.yml')):
        raise FileNotFoundError(f'no such config file: {file}')
    cfg = Config.fromfile(file)
    merge_options(cfg, options or {})
    return cfg


def merge_options(cfg: Config, options: dict) -> None:
    """Merge options, once they are known to be read."""
    check_options(cfg, options)
    before = cfg.copy()
    cfg.merge_from_dict(options)
    spread_options(cfg, options, before)
