"""The tutorial's notebook runs from a clean kernel, in a copy of the project with few images."""

import shutil
import sys
from pathlib import Path

import nbformat
import pytest
from fashion_data import make_fashion
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / 'docs/tutorials/your_teacher.ipynb'


@pytest.mark.slow
def test_notebook(tmp_path, monkeypatch):
    for folder in ('configs', 'tools', 'mmhssakd'):
        (tmp_path / folder).symlink_to(ROOT / folder)
    make_fashion(tmp_path / 'data/fashion-mnist', train=1200, test=200)
    shutil.copy(ROOT / 'model-index.yml', tmp_path)
    for name, value in dict(TUTORIAL_SHARE='0.1', PYTHONPATH=str(tmp_path), OMP_NUM_THREADS='1').items():
        monkeypatch.setenv(name, value)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    scenes = nbformat.v4.new_code_cell(
        "import subprocess, sys\nsubprocess.run([sys.executable, 'tools/dataset_converters/make_fashion_scenes.py', "
        "'--train', '24', '--test', '10'], check=True)"
    )
    notebook.cells.insert(0, scenes)
    client = NotebookClient(notebook, timeout=300, resources=dict(metadata=dict(path=tmp_path)))
    client.create_kernel_manager()
    client.km.kernel_spec.argv[0] = sys.executable
    client.execute()
    printed = ''.join(output.get('text', '') for cell in notebook.cells for output in cell.get('outputs', []))
    assert 'of 200 test images are right' in printed and printed.count('million operations') == 2
    pictures = [
        output for cell in notebook.cells for output in cell.get('outputs', []) if 'image/png' in output.get('data', {})
    ]
    assert len(pictures) == 3
    assert (tmp_path / 'work_dirs/tutorial/detector/last_checkpoint').is_file()


def test_the_shipped_notebook_was_run_to_its_end():
    """Its outputs are those of its cells, in one go."""
    cells = [cell for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == 'code']
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert not [output for cell in cells for output in cell.outputs if output.output_type == 'error']
