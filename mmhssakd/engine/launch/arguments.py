"""``--cfg-options`` of a command line."""

import argparse
import os.path as osp
import re
from typing import Any

import mmengine.config


class DictAction(mmengine.config.DictAction):
    """mmengine's reader of ``KEY=VALUE``, which takes paths and names as they are.

    mmengine removes all spaces, and makes lists of what has a comma. Here spaces within a value stay, and the name of
    a file or folder that is there is no list. Quotes within those of the shell keep the comma of any other text:
    ``key="'a,b'"``.
    """

    @staticmethod
    def _parse_iterable(val: str) -> Any:  # mmengine's, private: called for each value
        text, quoted = val.strip(), re.fullmatch(r'\s*(["\'])(.*)\1\s*', val, re.DOTALL)
        text = quoted[2] if quoted else text
        brackets = text[:1] + text[-1:] in ('[]', '()')
        if osp.exists(val):
            return DictAction._parse_int_float_bool(val)
        if not brackets and (quoted or ',' not in text):
            return DictAction._parse_int_float_bool(text)
        text = re.sub(r'\s*([][(),])\s*', r'\1', text)
        return restore(mmengine.config.DictAction._parse_iterable(text.replace(' ', '\0')))

    def __call__(self, parser: argparse.ArgumentParser, namespace: Any, values: Any, option_string: Any = None) -> None:
        """Add options to those of the namespace; one without ``=``, or with brackets that do not match, ends the
        program."""
        for value in values:
            if '=' not in value:
                parser.error(f'{option_string}: {value!r} is no KEY=VALUE. Put quotes around a value with spaces.')
        try:
            super().__call__(parser, namespace, values, option_string)
        except (AssertionError, RecursionError):  # mmengine's
            parser.error(f'{option_string}: brackets do not match in {" ".join(values)}')


def natural(text: str) -> int:
    """Type of an option: a whole number from 1 on. argparse's message has this name."""
    if (number := int(text)) < 1:
        raise ValueError(number)
    return number


def restore(value: Any) -> Any:
    """Give the texts of a list their spaces back."""
    if isinstance(value, str):
        return DictAction._parse_int_float_bool(value.replace('\0', ' ').strip(' "\''))
    return type(value)(map(restore, value)) if isinstance(value, (list, tuple)) else value
