"""The page of the method quotes the code that computes each equation, word for word."""

import re
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / 'docs/method.md').read_text()
QUOTE = re.compile(r'\[(\S+)\]\(\.\./(\S+)\)\n\n```python\n(.*?)```', re.S)


def holds(file: str, code: str) -> bool:
    """Whether a file has these lines, whatever their indentation."""
    wanted = code.strip().splitlines()
    lines = (ROOT / file).read_text().splitlines()
    parts = ('\n'.join(lines[i : i + len(wanted)]) for i in range(len(lines)))
    return any(textwrap.dedent(part).splitlines() == wanted for part in parts)


def test_quoted_code():
    quotes = QUOTE.findall(PAGE)
    assert len(quotes) == PAGE.count('```python') >= 10
    for shown, file, code in quotes:
        assert shown == file
        assert holds(file, code), f'{file} does not hold the lines that docs/method.md quotes:\n{code}'


def test_every_equation_has_its_code():
    """Below every equation, and before the next one, stands code."""
    for part in PAGE.split('$$')[2::2]:
        assert QUOTE.search(part), part


def test_equations_have_names_not_numbers():
    """The two versions of the paper number them differently; those of other papers say whose they are."""
    names = set(re.findall(r'^## (L_\w+)$', PAGE, re.M))
    assert names == {'L_task', 'L_teacher', 'L_kl_q', 'L_kl_p', 'L_student', 'L_online'}
    for file in (ROOT / 'mmhssakd').rglob('*.py'):
        text = file.read_text()
        assert not re.search(r'\b(Eq|Sec)\. ?\(?[\dIVX]', text), file
        unknown = set(re.findall(r'\bL_[a-z]\w*', text)) - names
        assert not unknown, f'{file}: docs/method.md does not define {unknown}'
