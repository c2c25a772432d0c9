"""What the peers are given: a student of ours with its teacher, and its training images."""

import argparse
from pathlib import Path
from typing import Optional, Tuple

import torch
from mmengine.config import Config
from torch.utils.data import Dataset

from mmhssakd.apis import find_config
from mmhssakd.engine.launch import DictAction, natural
from mmhssakd.engine.launch.config import merge_options
from mmhssakd.models.distillers import HSSAKD
from mmhssakd.models.distillers.teacher import read_model_config
from mmhssakd.registry import DATASETS, MODELS


def parser_of(description: str) -> argparse.ArgumentParser:
    """The options that all peers have."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config of a student with a teacher')
    parser.add_argument('--out', type=Path, required=True, help='folder of what is written')
    parser.add_argument('--epochs', type=natural, required=True)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={}, help='options of the config')
    return parser


def read(args: argparse.Namespace) -> Tuple[Config, HSSAKD]:
    """The config, and its student with the teacher."""
    cfg = Config.fromfile(find_config(args.config))
    merge_options(cfg, args.cfg_options)
    torch.manual_seed(args.seed)
    student = MODELS.build(read_model_config(cfg))
    student.init_weights()
    args.out.mkdir(parents=True, exist_ok=True)
    return cfg, student


def images_of(cfg: Config, pipeline: Optional[list] = None) -> Dataset:
    """The config's training set; with another pipeline, if one is given."""
    inner = dataset = cfg.train_dataloader.dataset
    while 'pipeline' not in inner:
        inner = inner['dataset']
    inner['pipeline'] = pipeline or inner['pipeline']
    return DATASETS.build(dataset)
