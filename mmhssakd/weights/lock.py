"""One run at a time in a work dir, on file systems that machines share, too."""

import json
import os
import socket
import threading
import time
import uuid
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Iterator, List, Optional, Union

from mmengine.dist import broadcast_object_list, is_main_process

BEAT = 10.0  # seconds between two signs of life
PATIENCE = 60.0  # seconds without one, after which a run is taken for dead


class WorkDirLock:
    """``run.lock``: host and process of the run that works in a folder, touched every :data:`BEAT` seconds.

    Args:
        work_dir (str | Path): The folder.
    """

    def __init__(self, work_dir: Union[str, Path]) -> None:
        self.file = Path(work_dir) / 'run.lock'
        self.said = json.dumps(dict(host=socket.gethostname(), process=os.getpid(), id=uuid.uuid4().hex))
        self.ended = threading.Event()

    def take(self) -> None:
        """Take the lock, at once or after its owner gave no sign of life for :data:`PATIENCE` seconds.

        Raises:
            RuntimeError: Another run works in the folder.
        """
        own = self.file.with_name(f'{self.file.name}.{uuid.uuid4().hex}')
        own.write_text(self.said)
        try:
            while True:
                with suppress(FileExistsError):
                    os.link(own, self.file)  # fails if it is there, on shared file systems as well
                    break
                self.wait_for_owner()
        finally:
            own.unlink()
        threading.Thread(target=self.beat, daemon=True).start()

    def wait_for_owner(self) -> None:
        """Return once the owner is gone, and its lock with it."""
        begin = time.monotonic()
        with suppress(FileNotFoundError):  # it has just ended
            said, beat = self.file.read_text(), self.file.stat().st_mtime
            while not owner_is_dead(said) and time.monotonic() - begin < PATIENCE:
                time.sleep(0.2)
                if self.file.stat().st_mtime != beat:  # no two clocks are compared
                    owner = json.loads(said)
                    raise RuntimeError(
                        f'{self.file.parent} is in use by process {owner["process"]} on {owner["host"]}. Wait for its '
                        'end, stop it, or choose another --work-dir.'
                    )
            aside = self.file.with_name(f'{self.file.name}.{uuid.uuid4().hex}')
            self.file.rename(aside)
            if aside.read_text() != said:  # another run was faster, and this is its lock: back to its place
                with suppress(FileExistsError):
                    os.link(aside, self.file)
            aside.unlink()

    def beat(self) -> None:
        """Show that this run is alive, until it is not."""
        while not self.ended.wait(BEAT):
            with suppress(OSError):
                os.utime(self.file)

    def release(self) -> None:
        """Give the folder back."""
        self.ended.set()
        with suppress(FileNotFoundError):
            if self.file.read_text() == self.said:
                self.file.unlink()


def owner_is_dead(said: str) -> bool:
    """Whether a lock's process is known to be gone, which only its own machine can tell."""
    owner = json.loads(said)
    if owner['host'] != socket.gethostname():
        return False
    try:
        os.kill(owner['process'], 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return False


@contextmanager
def locked(work_dir: str) -> Iterator[None]:
    """Keep a work dir for the run that this process belongs to; all of its processes call it.

    Raises:
        RuntimeError: Another run works there; every process says so.
    """
    lock = WorkDirLock(work_dir)
    refused: List[Optional[str]] = [None]
    if is_main_process():
        try:
            lock.take()
        except RuntimeError as error:
            refused = [str(error)]
    broadcast_object_list(refused)
    if refused[0]:
        raise RuntimeError(refused[0])
    try:
        yield
    finally:
        lock.release()
