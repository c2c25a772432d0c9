"""A stand-in for tools/train.py: writes what a run leaves, in a moment."""

import argparse
import json
import os
import sys
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument('config')
parser.add_argument('--work-dir', type=Path)
parser.add_argument('--resume', action='store_true')
parser.add_argument('--cfg-options', nargs='+')
args = parser.parse_args()
options = dict(text.split('=', 1) for text in args.cfg_options)
print('threads', os.environ.get('OMP_NUM_THREADS'), ' '.join(args.cfg_options))
if 'fail' in options:
    sys.exit('the disk is full')
if 'model.teacher.checkpoint' in options and not Path(options['model.teacher.checkpoint']).is_file():
    sys.exit('no teacher')
folder = args.work_dir / 'now/vis_data'
folder.mkdir(parents=True)
top1 = float(options.get('top1', 40)) + int(options['randomness.seed']) ** 2 + 2 * ('kd_' in ' '.join(args.cfg_options))
lines = [dict(loss=1.0, time=0.1, step=10), {'accuracy/top1': top1, 'accuracy/peer0_top1': top1 - 1, 'step': 1}]
if 'map' in options:
    lines[1] = {'pascal_voc/mAP': 0.25, 'pascal_voc/AP50': 0.5, 'pascal_voc/AP75': 0.1, 'step': 1}
(folder / 'scalars.json').write_text('\n'.join(map(json.dumps, lines)))
(args.work_dir / 'config.py').write_text('train_dataloader = dict(batch_size=10)')
(args.work_dir / 'epoch_1.pth').write_bytes(b'')
(args.work_dir / 'last_checkpoint').write_text(f'{args.work_dir.resolve()}/epoch_1.pth')
