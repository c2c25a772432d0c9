"""LightlyTrain's distillation of a student of ours from its teacher, on the same images, without their labels.

In an environment of its own (tried with lightly-train 0.18.0, torch 2.14.1, Python 3.11), then training in ours:

    uv venv peers && uv pip install --python peers "lightly-train==0.18.*" -e ".[lite]"
    uv pip uninstall --python peers transformers  # mmpretrain 1.2 fails beside it
    peers/bin/python tools/benchmarks/peers/lightlytrain.py configs/photos/kd_r8_photos.py \\
        --epochs 99 --out work_dirs/lightly
    python tools/train.py configs/photos/ce_r8_photos.py --cfg-options model.backbone.init_cfg.type=Pretrained \\
        model.backbone.init_cfg.prefix=backbone. model.backbone.init_cfg.checkpoint=work_dirs/lightly/backbone.pth
"""

import time
from typing import Dict

import cv2
import lightly_train
import torch
import torch.nn as nn
from ours import images_of, parser_of, read

from mmhssakd.engine.launch import DictAction
from mmhssakd.models.necks.features import last_map


class Wrapper(nn.Module):
    """A classifier's backbone, by the names that LightlyTrain calls."""

    def __init__(self, classifier: nn.Module) -> None:
        super().__init__()
        self.backbone, self.channels = classifier.backbone, classifier.head.in_channels

    def forward_features(self, x: torch.Tensor) -> Dict[str, torch.Tensor]:
        return dict(features=last_map(self.backbone(x)))

    def forward_pool(self, x: Dict[str, torch.Tensor]) -> Dict[str, torch.Tensor]:
        return dict(pooled_features=x['features'].mean((2, 3), keepdim=True))

    def feature_dim(self) -> int:
        return self.channels

    def get_model(self) -> nn.Module:
        return self.backbone


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument('--transform-args', nargs='+', action=DictAction, default={}, help='such as color_jitter=None')
    args = parser.parse_args()
    cfg, student = read(args)
    (args.out / 'images').mkdir()
    for number, sample in enumerate(images_of(cfg, cfg.test_pipeline)):  # as the student sees them, not augmented
        cv2.imwrite(str(args.out / f'images/{number:07}.png'), sample['inputs'].permute(1, 2, 0).numpy())
    scale = {key: tuple(value / 255 for value in cfg.data_preprocessor[key]) for key in ('mean', 'std')}
    begin = time.monotonic()
    lightly_train.pretrain(
        out=args.out / 'lightly',
        data=args.out / 'images',
        model=Wrapper(student),
        method='distillationv3',
        method_args=dict(teacher=Wrapper(student.teacher)),
        epochs=args.epochs,
        seed=args.seed,
        num_workers=1,
        transform_args=dict(image_size=tuple(sample['inputs'].shape[1:]), normalize=scale, **args.transform_args),
    )
    weights = {f'backbone.{name}': value for name, value in student.backbone.state_dict().items()}
    torch.save(dict(state_dict=weights), args.out / 'backbone.pth')
    print(f'{args.out}/backbone.pth, after {time.monotonic() - begin:.0f} s')


if __name__ == '__main__':
    main()
