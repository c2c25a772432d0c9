"""Write one self-contained HTML page about runs: settings, results, curves, and what the networks see and say."""

import argparse
import sys
from pathlib import Path

from mmhssakd.experiments.runs import find_runs, group_runs
from mmhssakd.visualization.report import write_report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('work_dirs', nargs='+', type=Path, help='work dirs of runs, or folders of several')
    parser.add_argument('--out', type=Path, default=Path('report.html'), help='the page (default: report.html)')
    parser.add_argument('--baseline', nargs='+', default=[], help='groups that the others are compared with')
    parser.add_argument('--images', type=int, default=1000, help='test images to ask about; 0 skips what needs images')
    parser.add_argument('--examples', type=int, default=6, help='images to show one by one')
    args = parser.parse_args()
    for name, least in (('images', 0), ('examples', 1)):
        if getattr(args, name) < least:
            parser.error(f'--{name} {getattr(args, name)}: at least {least} is needed.')
    try:
        groups = group_runs(find_runs(args.work_dirs))
        missing = write_report(groups, args.out, args.images, args.baseline, args.examples)
    except (FileNotFoundError, KeyError) as error:
        raise SystemExit(error.args[-1] if isinstance(error, KeyError) else str(error)) from None
    for reason in missing:
        print(f'skipped: {reason}', file=sys.stderr)
    print(args.out.resolve())


if __name__ == '__main__':
    main()
