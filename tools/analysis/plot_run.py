"""Draw the curves of runs: every loss term, and the accuracy of p and of each branch, several runs in one picture."""

import argparse
from pathlib import Path

from mmhssakd.visualization.curves import plot_curves
from mmhssakd.visualization.run import find_runs, group_runs


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('work_dirs', nargs='+', type=Path, help='work dirs of runs, or folders of several')
    parser.add_argument('--out', type=Path, default=Path('curves.png'), help='picture: .png, .svg or .pdf')
    parser.add_argument('--metrics', nargs='+', help='what to draw, as it is named in the log (default: everything)')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    try:
        groups = group_runs(find_runs(args.work_dirs))
        plot_curves(groups, args.metrics).savefig(args.out, dpi=110)
    except (FileNotFoundError, KeyError) as error:
        raise SystemExit(error.args[-1] if isinstance(error, KeyError) else str(error)) from None
    print(f'{sum(len(group.runs) for group in groups)} runs in {len(groups)} groups: {args.out}')


if __name__ == '__main__':
    main()
