"""Accuracy against cost: train each arm of a sweep file at several budgets; a table and a figure, on one page.

A budget counts training FLOPs, the teacher's forward passes included. Budget 1 is what the first arm costs in its
config's epochs; at each budget every arm trains as long as it can, on a complete schedule. An interrupted call goes on.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Tuple

import numpy as np
import torch
from analysis.model_cost import build, make_step
from benchmarks.measure import synchronize
from matplotlib.figure import Figure
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from scipy import stats
from sweep import add_arguments, message_alone, run_sweep
from torch.utils.flop_counter import FlopCounterMode

from mmhssakd.apis import find_config
from mmhssakd.engine.launch import DictAction, natural
from mmhssakd.engine.launch.config import merge_options
from mmhssakd.experiments import make_sweep, read_sweep
from mmhssakd.experiments.answer import answer
from mmhssakd.experiments.table import difference, markdown, summary
from mmhssakd.experiments.trial import Trial
from mmhssakd.models.losses.terms import Logits
from mmhssakd.visualization import page
from mmhssakd.visualization.style import look, new_figure

LENGTHS = ('train_cfg.max_epochs', 'train_cfg.val_interval', 'param_scheduler.total_steps', 'param_scheduler.end')


class Price(NamedTuple):
    """What an arm's training costs in some unit: of a step without the teacher, and of the teacher in a step."""

    steps: int  # of an epoch
    student: float
    teacher: float
    crops: int  # fixed ones of each image, whose teacher outputs are kept; 0 if they are not

    def of(self, epochs: int) -> float:
        """The whole training. Of M kept crops an image has met ``M (1 - (1 - 1/M)^epochs)``, on average."""
        passes = self.crops * (1 - (1 - 1 / self.crops) ** epochs) if self.crops else epochs
        return self.steps * (epochs * self.student + passes * self.teacher)

    def epochs(self, budget: float) -> int:
        """As many as the budget pays for, 0 if it does not pay for one."""
        return max(
            (n for n in range(1, 1 + int(budget / (self.steps * self.student))) if self.of(n) <= budget), default=0
        )


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('sweep', type=Path, help='sweep file, such as configs/sweeps/budget-photos.json')
    parser.add_argument('--budgets', type=float, nargs='+', default=[1, 4, 16], help='multiples of budget 1')
    parser.add_argument('--arms', nargs='+', help='only these of the file; the first one defines budget 1 all the same')
    parser.add_argument('--rounds', type=natural, default=10, help='steps of each arm that are timed, in turns')
    parser.add_argument('--peers', type=Path, help='JSON file of more points of the figure: name, flops, values')
    add_arguments(parser)
    return parser.parse_args()


def config_of(trial: Trial) -> Config:
    """The config of a trial with its options."""
    cfg = Config.fromfile(find_config(trial.config))
    options = {key: value for key, value in trial.options.items() if key.split('.')[0] in cfg}
    merge_options(cfg, {key: DictAction._parse_iterable(value) for key, value in options.items()})
    return cfg


def parts_of_a_step(cfg: Config, size: int, device: str) -> Tuple[Callable, Callable]:
    """An arm's training step without the teacher, and the teacher's part of it, nothing if there is none."""
    model = build(cfg).to(device)
    step, wrapper, images = make_step(model, cfg, size, cfg.train_dataloader.batch_size)
    if not model.__dict__.get('teacher'):
        return step, lambda: None
    teach, views = model.teach, model.make_views(images.float())

    def teacher() -> Logits:
        with wrapper.optim_context(model):
            return teach(views)

    said = teacher()
    model.cache, model.teach = None, lambda views: said
    return step, teacher


def flops(work: Callable) -> float:
    """FLOPs of a call, exactly."""
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


def seconds(calls: Dict[tuple, Callable], rounds: int) -> Dict[tuple, float]:
    """Median time of each of several calls, made in turns so that they share the machine's moods."""
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    times: Dict[tuple, List[float]] = {key: [] for key in calls}
    for _ in range(rounds + 1):
        for key, call in calls.items():
            since = time.perf_counter()
            call()
            synchronize(device)
            times[key].append(time.perf_counter() - since)
    return {key: float(np.median(spent[1:])) for key, spent in times.items()}


def prices(configs: Dict[str, Config], rounds: int) -> Tuple[Dict[str, Price], Dict[str, Price]]:
    """Every arm's price in FLOPs, and in seconds of this machine."""
    init_default_scope('mmpretrain')
    counted, calls = {}, {}
    for name, cfg in configs.items():
        loader = Runner.build_dataloader(dict(cfg.train_dataloader, num_workers=0, persistent_workers=False), seed=0)
        size = loader.dataset[0]['inputs'].shape[-1]
        kept = (cfg.model.get('teacher') or {}).get('cache')
        step, teach = parts_of_a_step(cfg, size, 'cuda' if torch.cuda.is_available() else 'cpu')
        counted[name] = Price(len(loader), flops(step), flops(teach), loader.dataset.crops if kept else 0)
        calls[name, 'student'], calls[name, 'teacher'] = step, teach
    took = seconds(calls, rounds)
    return counted, {n: p._replace(student=took[n, 'student'], teacher=took[n, 'teacher']) for n, p in counted.items()}


def at_budgets(sweep: dict, configs: Dict[str, Config], counted: Dict[str, Price], args: argparse.Namespace) -> dict:
    """The arms of a sweep at each budget that pays for an epoch, ``NAME, xBUDGET``; shared arms once, as they are."""
    first = next(iter(configs))
    unit = counted[first].of(configs[first].train_cfg.max_epochs)
    arms = {name: arm for name, arm in sweep['arms'].items() if 'seed' in arm}
    for budget in args.budgets:
        for name in args.arms or configs:
            epochs = counted[name].epochs(budget * unit * 1.001)
            if not epochs:
                print(f'{name}: a budget of {budget:g} does not pay for one epoch.')
                continue
            arms[f'{name}, x{budget:g}'] = {**sweep['arms'][name], **dict.fromkeys(LENGTHS, epochs)}
    return dict(sweep, arms=arms, baseline=[])


def rows_of(
    results: List[dict], baselines: List[str], counted: Dict[str, Price], timed: Dict[str, Price]
) -> List[dict]:
    """One row for each arm and budget: its price, and its results on all seeds."""
    rows: Dict[str, dict] = {}
    for result in results:
        name, found, budget = result['name'].rpartition(', x')
        if found:
            epochs = int(result['options']['train_cfg.max_epochs'])
            price = dict(epochs=epochs, flops=counted[name].of(epochs), seconds=timed[name].of(epochs))
            row = dict(name=name, budget=float(budget), **price, results=[])
            rows.setdefault(result['name'], row)['results'].append(result)
    for row in rows.values():
        row['metric'] = row['results'][0]['metric']
        row['values'] = [result['metrics'][row['metric']] for result in row['results']]
        theirs = [rows.get(f'{base}, x{row["budget"]:g}', row)['results'] for base in baselines]
        row['differences'] = [difference(row['results'], base, row['metric']) for base in theirs]
    return sorted(rows.values(), key=lambda row: (row['budget'], row['flops']))


def table(rows: List[dict], baselines: List[str]) -> Tuple[List[str], List[List[str]]]:
    """Titles of the columns, and the rows of cells."""
    titles = ['budget', 'arm', 'epochs', 'PFLOP', 'seconds', f'{rows[0]["metric"]} (%)']
    titles += [f'difference to {base} (95 % interval)' for base in baselines]
    lines = []
    for row in rows:
        name = row['name'] + (f' ({len(row["values"])} seeds)' if len(row['values']) > 1 else '')
        cost = [f'{row["epochs"]}', f'{row["flops"] / 1e15:.3g}', f'{row["seconds"]:.0f}']
        lines.append([f'{row["budget"]:g}', name, *cost, summary(row['values'], row['metric']), *row['differences']])
    return titles, lines


def draw(rows: List[dict]) -> Figure:
    """Accuracy (by the log of the errors) over cost, with intervals, and the front: the best for a price or less."""
    figure, ((axis,),) = new_figure(1, 1, (10, 5.5))
    for i, name in enumerate(dict.fromkeys(row['name'] for row in rows)):
        costs, values = zip(*((row['flops'], row['values']) for row in rows if row['name'] == name))
        axis.errorbar(costs, [*map(np.mean, values)], [*map(interval, values)], label=name, capsize=3, **look(i))
    costs, means = zip(*sorted((row['flops'], np.mean(row['values'])) for row in rows))
    front = dict(color='#999999', lw=6, alpha=0.3, zorder=0, label='front')
    axis.step(costs, np.maximum.accumulate(means), where='post', **front)
    axis.set(xscale='log', xlabel='training FLOPs, the teacher included', ylabel=f'{rows[0]["metric"]} (%)')
    axis.set_yscale('function', functions=(lambda y: -np.log(np.maximum(100 - y, 1)), lambda z: 100 - np.exp(-z)))
    axis.grid(alpha=0.3)
    figure.legend(loc='outside right upper', frameon=False)
    return figure


def interval(values: List[float]) -> float:
    """Half the width of the mean's 95 % interval, 0 of one value."""
    return float(stats.sem(values) * stats.t.ppf(0.975, len(values) - 1)) if len(values) > 1 else 0.0


def write_page(title: str, rows: List[dict], baselines: List[str], figure: Figure, file: Path) -> None:
    """The answer at the highest budget, the figure and the table, on a page."""
    budget = rows[-1]['budget']
    last = [dict(result, name=row['name']) for row in rows if row['budget'] == budget for result in row['results']]
    best = max((row for row in rows if row['budget'] == budget), key=lambda row: np.mean(row['values']))
    said = page.paragraph(f'Budget {budget:g}: {answer(last, baselines[:1], best["name"])}', 'answer')
    shown = page.picture(figure, 'Means over the seeds and 95 % intervals, over the training FLOPs', wide=True)
    cells = page.table(*table(rows, baselines), 'Epochs, FLOPs, and seconds of the steps are those of one training')
    file.write_text(page.html(title, {'Accuracy against cost': [said, shown, cells]}))


def main() -> None:
    args = parse_args()
    with message_alone():
        sweep = read_sweep(args.sweep)
        trials = make_sweep(sweep, sweep['seeds']).trials
        peers = json.loads(args.peers.read_text()) if args.peers else []
    configs = {trial.name: config_of(trial) for trial in trials if 'seed' not in sweep['arms'][trial.name]}
    if unknown := set(args.arms or []) - set(configs):
        raise SystemExit(f'--arms: {", ".join(unknown)} is none of {", ".join(configs)}.')
    counted, timed = prices(configs, args.rounds)
    made = at_budgets(sweep, configs, counted, args)
    if all('seed' in arm for arm in made['arms'].values()):
        raise SystemExit(1)
    results = run_sweep(make_sweep(made, args.seeds or sweep['seeds'], args.work_dir, args.processes, args.final), args)
    rows = rows_of(results, sweep['baseline'], counted, timed)
    folder = Path(args.work_dir or sweep['work_dir'])
    said = f'{sweep["title"]}; {torch.get_num_threads()} threads\n\n{markdown(*table(rows, sweep["baseline"]))}\n'
    (folder / 'budget.md').write_text(said)
    (folder / 'budget.json').write_text(json.dumps(rows, indent=1))
    figure = draw(rows + peers)
    figure.savefig(folder / 'budget.png', dpi=150)
    write_page(sweep['title'], rows, sweep['baseline'], figure, folder / 'budget.html')
    print(f'\n{said}\nTable and figure: {folder}/budget.html, budget.md, budget.json, budget.png')


if __name__ == '__main__':
    main()
