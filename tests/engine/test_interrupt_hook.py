import multiprocessing
import signal

from torch.utils.data import DataLoader

from mmhssakd.compat.patches import stop_workers
from mmhssakd.engine.hooks.interrupt_hook import InterruptHook, shield_workers


def test_workers_that_outlive_signals_end_with_the_run():
    """Else Python sends them SIGTERM as it exits, and waits two minutes."""
    loader = DataLoader(range(8), num_workers=1, persistent_workers=True)
    shield_workers(loader, [signal.SIGTERM])
    assert len(list(loader)) == 8
    assert multiprocessing.active_children()
    stop_workers(loader)
    assert not multiprocessing.active_children()
    assert len(list(loader)) == 8  # new ones start
    stop_workers(loader)


def test_the_first_signal_names_the_stop():
    """A launcher that had the same signal may pass on one of its own."""
    hook = InterruptHook()
    hook.note(signal.SIGUSR1, None)
    hook.note(signal.SIGTERM, None)
    assert hook.asked() == signal.SIGUSR1
