"""Run a converter's main() in this process, which saves importing everything again."""

import importlib.util
import sys
from pathlib import Path
from unittest import mock

FOLDER = Path(__file__).parents[3] / 'tools' / 'model_converters'


def run(name: str, *args) -> None:
    spec = importlib.util.spec_from_file_location(name, FOLDER / f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with mock.patch.object(sys, 'argv', [name, *map(str, args)]):
        module.main()
