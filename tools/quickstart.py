"""HSSAKD on real images in minutes: train a teacher, then the same student alone, by KD and by HSSAKD, then
detectors with these students as backbones.

Everything is written under --work-dir; a call that was interrupted goes on where it stopped.
"""

import argparse
import os
from pathlib import Path
from typing import List

import matplotlib
import torch
from arms import Arm, run_all, write_table
from quickstart_detection import detection

from mmhssakd.visualization.report import write_report
from mmhssakd.visualization.run import find_runs, group_runs

matplotlib.use('Agg')
import matplotlib.pyplot as plt  # noqa: E402

TOP1 = 'accuracy/top1'
STUDENTS = dict(CE='ce_r8', KD='kd_r8', HSSAKD='hssakd_r8')
COLOURS = dict(teacher='#000000', CE='#E69F00', KD='#56B4E9', HSSAKD='#009E73')  # Okabe and Ito: colour-blind safe


def shorter(epochs: int, images: int) -> dict:
    """Options that shorten a run of the Fashion-MNIST family."""
    return {
        'train_cfg.max_epochs': epochs,
        'train_cfg.val_interval': (epochs + 1) // 2,
        'param_scheduler.total_steps': epochs,
        'param_scheduler.end': epochs,
        'train_dataloader.dataset.num_images': images,
        'default_hooks.checkpoint.interval': max(epochs // 4, 1),
    }


def classification_arms(work_dir: Path, seeds: List[int], quick: bool) -> tuple:
    """The teacher, and the students of every seed."""
    config = 'configs/fashion_mnist/{}.py'.format
    teacher = Arm('teacher', config('teacher_r8'), work_dir / 'teacher', 0, (TOP1,), shorter(3, 2000) if quick else {})

    def students() -> List[Arm]:
        arms = []
        for seed in seeds:
            for name, file in STUDENTS.items():
                options = {'train_dataloader.dataset.seed': seed, **(shorter(12, 500) if quick else {})}
                if name != 'CE':
                    options['model.teacher.checkpoint'] = teacher.checkpoint
                arms.append(Arm(name, config(file), work_dir / f'seed_{seed}' / file, seed, (TOP1,), options))
        return arms

    return teacher, students


def plot(results: List[dict], file: Path) -> None:
    """Draw top-1 over the course of training, one colour an arm, one line a seed."""
    figure, axes = plt.subplots(figsize=(7, 4.5), layout='constrained')
    seen = set()
    for result in results:
        steps = [int(step) for step in result['curves'][TOP1]]
        name = result['name']
        axes.plot(
            [100 * step / max(steps) for step in steps],
            list(result['curves'][TOP1].values()),
            marker='o',
            color=COLOURS[name],
            label=None if name in seen else name,
        )
        seen.add(name)
    axes.set(xlabel='training done (%)', ylabel='top-1 on 10,000 test images (%)', title='Fashion-MNIST')
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(file, dpi=150)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--quick', action='store_true', help='a smaller task, to see that everything works')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0], help='seeds of the students (default: 0)')
    parser.add_argument(
        '--jobs',
        type=int,
        default=1 if torch.cuda.is_available() else min(2, os.cpu_count()),
        help='runs at a time, each with its part of the cores (default: 2 without a GPU, else 1)',
    )
    parser.add_argument('--work-dir', type=Path)
    args = parser.parse_args()
    work_dir = args.work_dir or Path('work_dirs/quickstart-quick' if args.quick else 'work_dirs/quickstart')

    teacher, students = classification_arms(work_dir, args.seeds, args.quick)
    results = run_all([teacher])
    arms = students()
    results += run_all(arms[::-1], args.jobs)[::-1]  # the longest first

    table = write_table(results, ('CE', 'KD'), work_dir / 'classification')
    plot(results, work_dir / 'classification.png')
    print(f'\nFashion-MNIST, {len(args.seeds)} seed(s)\n\n{table}\n', flush=True)

    scenes = detection(work_dir, args.seeds, arms, args.quick, args.jobs)
    page = work_dir / 'report.html'
    write_report(group_runs(find_runs([work_dir])), page, images=200 if args.quick else 1000, baseline='ce_r8')
    print(
        f'\nFashion-MNIST, {len(args.seeds)} seed(s)\n\n{table}\n\n'
        f'Detectors on scenes of Fashion-MNIST articles (%)\n\n{scenes}\n\n'
        f'Also in {work_dir}: classification and detection .json, .md, .png\n'
        f'All runs on one page: {page.resolve()}'
    )


if __name__ == '__main__':
    main()
