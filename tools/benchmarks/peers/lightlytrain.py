"""LightlyTrain's distillation of a student of ours from its teacher, on the same images: what one might take instead.

In an environment of its own (tried with lightly-train 0.18.0, torch 2.14.1, Python 3.11), then training in ours:

    uv venv peers && uv pip install --python peers "lightly-train==0.18.*" -e ".[lite]"
    uv pip uninstall --python peers transformers  # mmpretrain 1.2 fails beside it
    peers/bin/python tools/benchmarks/peers/lightlytrain.py configs/photos/kd_r8_photos.py \\
        --epochs 99 --out work_dirs/lightly
    python tools/train.py configs/photos/ce_r8_photos.py --cfg-options model.backbone.init_cfg.type=Pretrained \\
        model.backbone.init_cfg.prefix=backbone. model.backbone.init_cfg.checkpoint=work_dirs/lightly/backbone.pth

A detector's config takes the checkpoint, too. LightlyTrain never sees the labels.
"""

import argparse
import time
from pathlib import Path
from typing import Dict

import cv2
import lightly_train
import torch
import torch.nn as nn

from mmhssakd.apis import find_config
from mmhssakd.engine.launch import DictAction, natural
from mmhssakd.experiments.trial import read_config
from mmhssakd.models.necks.features import last_map
from mmhssakd.registry import DATASETS, MODELS


class Wrapper(nn.Module):
    """A classifier's backbone, by the names that LightlyTrain calls."""

    def __init__(self, classifier: nn.Module) -> None:
        super().__init__()
        self.backbone, self.channels = classifier.backbone, classifier.head.in_channels

    def forward_features(self, x: torch.Tensor) -> Dict[str, torch.Tensor]:
        return dict(features=last_map(self.backbone(x)))

    def forward_pool(self, x: Dict[str, torch.Tensor]) -> Dict[str, torch.Tensor]:
        return dict(pooled_features=x['features'].mean((2, 3), keepdim=True))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.forward_pool(self.forward_features(x))['pooled_features']

    def feature_dim(self) -> int:
        return self.channels

    def get_model(self) -> nn.Module:
        return self.backbone


def write_images(dataset: dict, pipeline: list, folder: Path) -> tuple:
    """Write a training set as the student sees it without augmentation; returns the images' height and width."""
    inner = dataset
    while 'pipeline' not in inner:
        inner = inner['dataset']
    inner['pipeline'] = pipeline
    folder.mkdir(parents=True)
    for number, sample in enumerate(DATASETS.build(dataset)):
        image = sample['inputs'].permute(1, 2, 0).numpy()
        cv2.imwrite(str(folder / f'{number:07}.png'), image)
    return image.shape[:2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config of a student with a teacher')
    parser.add_argument('--out', type=Path, required=True, help='a new folder: images, logs, backbone.pth')
    parser.add_argument('--epochs', type=natural, required=True)
    parser.add_argument('--batch-size', type=natural, default=128)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--transform-args', nargs='+', action=DictAction, default={}, help='such as color_jitter=None')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={}, help='options of the config')
    args = parser.parse_args()
    cfg = read_config(find_config(args.config))
    cfg.merge_from_dict(args.cfg_options)
    torch.manual_seed(args.seed)
    student = MODELS.build(dict(cfg.model, data_preprocessor=cfg.data_preprocessor))
    student.init_weights()
    size = write_images(cfg.train_dataloader.dataset, cfg.test_pipeline, args.out / 'images')
    scale = {key: tuple(value / 255 for value in cfg.data_preprocessor[key]) for key in ('mean', 'std')}
    start = time.monotonic()
    lightly_train.pretrain(
        out=args.out / 'lightly',
        data=args.out / 'images',
        model=Wrapper(student),
        method='distillationv3',
        method_args=dict(teacher=Wrapper(student.teacher)),
        epochs=args.epochs,
        batch_size=args.batch_size,
        seed=args.seed,
        num_workers=1,
        transform_args=dict(image_size=size, normalize=scale, **args.transform_args),
    )
    weights = {f'backbone.{name}': value for name, value in student.backbone.state_dict().items()}
    torch.save(dict(state_dict=weights), args.out / 'backbone.pth')
    print(f'{args.out}/backbone.pth, after {time.monotonic() - start:.0f} s')


if __name__ == '__main__':
    main()
