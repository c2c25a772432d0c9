"""Show what a network sees in training: images after the pipeline, and their views."""

import argparse
import os.path as osp
from pathlib import Path

from mmengine.config import Config

from mmhssakd.apis import get_model
from mmhssakd.engine.launch import DictAction, natural
from mmhssakd.models.classifiers import SSAClassifier
from mmhssakd.visualization.predictions import load_images, plot_views


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file of a teacher, a student or an online run')
    parser.add_argument('--out', type=Path, default=Path('views.png'), help='picture: .png, .svg or .pdf')
    parser.add_argument('--images', type=natural, default=6, help='how many images, one a row')
    parser.add_argument('--split', choices=['train', 'val', 'test'], default='train', help='whose pipeline and images')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='settings that replace those of the config')
    args = parser.parse_args()
    if not osp.isfile(args.config):
        raise SystemExit(f'no such config file: {args.config}')
    cfg = Config.fromfile(args.config)
    cfg.merge_from_dict(args.cfg_options or {})
    model = get_model(cfg)
    network = getattr(model, 'peers', [model])[0]
    if not isinstance(network, SSAClassifier):
        raise SystemExit(f'{args.config} trains a {type(model).__name__}, which makes no views.')
    images = load_images(cfg, args.images, args.split)
    network.data_preprocessor = model.data_preprocessor
    figure = plot_views(network, images)
    figure.savefig(args.out, dpi=110)
    print(f'{len(images.data)} images, {network.num_views} views each: {args.out}')


if __name__ == '__main__':
    main()
