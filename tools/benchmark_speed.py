"""Measure speed and memory of a training step against a plain transcription of the paper's equations.

python tools/benchmark_speed.py                          # ResNet-56 -> ResNet-20, 32x32, batch 64
python tools/benchmark_speed.py --pair resnet34_resnet18 --size 224 --batch-size 8
python tools/benchmark_speed.py --loop                   # a whole Runner against the bare step
"""

import argparse
import json
import os

import torch
from benchmarks.loop import runner_share
from benchmarks.measure import compare, machine, ratios
from benchmarks.pairs import PAIRS
from benchmarks.variants import VARIANTS

from mmhssakd.engine.launch import natural
from mmhssakd.experiments.table import markdown


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--pair', choices=PAIRS, default='resnet56_resnet20', help='teacher and student')
    parser.add_argument('--size', type=natural, help='side of the images (default: 32, or 64 for ResNet-34 -> 18)')
    parser.add_argument('--batch-size', type=natural, help='images in a batch (default: 64, or 32 for ResNet-34 -> 18)')
    parser.add_argument(
        '--variants',
        nargs='+',
        choices=VARIANTS,
        default=['reference', 'default', 'fast', 'floor'],
        help='; '.join(f'{name}: {variant.about}' for name, variant in VARIANTS.items()),
    )
    parser.add_argument('--rounds', type=natural, default=5, help='turns that each variant has')
    parser.add_argument('--steps', type=natural, default=3, help='steps in a turn')
    parser.add_argument('--device', choices=['cpu', 'cuda'], default='cuda' if torch.cuda.device_count() else 'cpu')
    parser.add_argument('--threads', type=natural, default=len(os.sched_getaffinity(0)), help='of a step on a CPU')
    parser.add_argument('--loop', action='store_true', help='measure the share of the Runner instead')
    parser.add_argument('--smoke', action='store_true', help='networks of few layers, two images, one step of each')
    parser.add_argument('--out', default='work_dirs/benchmark_speed.json', help='JSON file with all figures')
    return parser.parse_args()


def show(results: dict, found: dict) -> None:
    """Print a table."""
    titles = 'variant, s/step (quartiles), images/s, speed (rounds), by CPU time, MiB, memory, above start'.split(', ')
    rows = []
    for name, result in results.items():
        low, high = result['quartiles_s']
        row = [name, f'{result["step_s"]:.4f} ({low:.4f} to {high:.4f})', f'{result["images_per_s"]:.1f}']
        if name in found:
            ratio = found[name]
            row.append(f'{ratio["speed"]:.2f} ({ratio["spread"][0]:.2f} to {ratio["spread"][1]:.2f})')
            row += [f'{ratio["cpu_speed"]:.2f}', f'{result["peak_mib"]:.0f}']
            row += [f'{ratio[key]:.2f}' for key in ('memory', 'memory_above_start')]
        rows.append(row)
    print(markdown(titles, rows), flush=True)


def main() -> None:
    args = parse_args()
    size, batch_size = (given or usual for given, usual in zip((args.size, args.batch_size), PAIRS[args.pair][1:]))
    if args.smoke:
        size, batch_size, args.rounds, args.steps = min(size, 32), 2, 1, 1
    settings = dict(
        pair=args.pair, size=size, batch_size=batch_size, device=args.device, threads=args.threads, small=args.smoke
    )
    report = dict(settings=settings, machine=machine(args.device))
    if args.loop:
        report['loop'] = runner_share(settings, args.rounds, args.steps)
    else:
        results = compare(args.variants, settings, args.rounds, args.steps)
        found = ratios(results) if 'reference' in results else {}
        report.update(variants=results, ratios=found)
        show(results, found)
    os.makedirs(os.path.dirname(os.path.abspath(args.out)), exist_ok=True)
    with open(args.out, 'w') as file:
        json.dump(report, file, indent=1)
    print(f'All figures: {args.out}')


if __name__ == '__main__':
    main()
