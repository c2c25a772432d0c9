"""The page of the method quotes the code that computes each equation, at the right line.

``python tests/test_method_page.py`` sets the line numbers anew.
"""

import re
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / 'docs/method.md'
QUOTE = re.compile(r'\[(\S+), line (\d+)\]\(\.\./(\S+)#L(\d+)\)\n\n```python\n(.*?)```', re.S)


def line_of(file: str, code: str) -> int:
    """Number of the line at which a file holds some code, whatever its indentation; 0 if it does not."""
    wanted = code.strip().splitlines()
    lines = (ROOT / file).read_text().splitlines()
    for start in range(len(lines)):
        if textwrap.dedent('\n'.join(lines[start : start + len(wanted)])).splitlines() == wanted:
            return start + 1
    return 0


def test_quoted_lines():
    quotes = QUOTE.findall(PAGE.read_text())
    assert len(quotes) == PAGE.read_text().count('```python') >= 10
    for shown, number, file, anchor, code in quotes:
        line = line_of(file, code)
        assert line, f'{file} does not hold the lines that docs/method.md quotes:\n{code}'
        assert shown == file and int(number) == int(anchor) == line, 'run: python tests/test_method_page.py'


def test_every_equation_has_its_lines():
    """Below every equation, and before the next one, stands code."""
    for part in PAGE.read_text().split('$$')[2::2]:
        assert QUOTE.search(part), part


if __name__ == '__main__':

    def renew(match: re.Match) -> str:
        file, code = match[3], match[5]
        line = line_of(file, code)
        if not line:
            sys.exit(f'{file} does not hold these lines any more; mend docs/method.md:\n{code}')
        return f'[{file}, line {line}](../{file}#L{line})\n\n```python\n{code}```'

    PAGE.write_text(QUOTE.sub(renew, PAGE.read_text()))
