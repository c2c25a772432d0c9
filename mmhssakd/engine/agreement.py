"""Processes of one run that must be the same: their code and their config."""

import hashlib
import re
import socket
from pathlib import Path

from mmengine.config import Config
from mmengine.dist import all_gather_object, get_world_size

import mmhssakd

# What may differ from machine to machine: the folder of an absolute path, the address of an object.
INCIDENTAL = re.compile(r"(?<=')/[^']*/| at 0x[0-9a-f]+")


def digest(*texts: bytes) -> str:
    """A short hash."""
    return hashlib.sha256(b'\0'.join(texts)).hexdigest()[:12]


def check_agreement(cfg: Config) -> None:
    """Compare this process's code of mmhssakd and its config with those of all others.

    Raises:
        ValueError: They differ; the message has the hashes and hosts.
    """
    if get_world_size() == 1:
        return
    files = sorted(Path(mmhssakd.__file__).parent.rglob('*.py'))
    own = dict(
        host=socket.gethostname(),
        code=digest(*(file.read_bytes() for file in files if '.mim' not in file.parts)),
        config=digest(INCIDENTAL.sub('', str(cfg.to_dict())).encode()),
    )
    found = all_gather_object(own)
    for what, hint in (('code', 'install the same version of mmhssakd'), ('config', 'give the same command')):
        hosts = {each[what]: each['host'] for each in found}
        if len(hosts) > 1:
            said = ', '.join(f'{value} on {host}' for value, host in hosts.items())
            raise ValueError(f'The processes of this run differ in their {what}: {said}. On every machine, {hint}.')
