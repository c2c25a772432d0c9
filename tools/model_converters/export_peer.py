"""Take one peer out of a checkpoint of OnlineHSSAKD: an ordinary classifier's checkpoint, backbone.* and head.*."""

import argparse

from mmhssakd.weights.checkpoint import read_state_dict
from mmhssakd.weights.files import save_atomically


def peer_state_dict(tensors: dict, peer: int, keep_branches: bool = False) -> dict:
    """Tensors of one peer under an ordinary classifier's names.

    Raises:
        ValueError: The checkpoint has no such peer.
    """
    peers = sorted({int(name.split('.')[1]) for name in tensors if name.startswith('peers.')})
    if peer not in peers:
        raise ValueError(f'the checkpoint has no peer {peer}; it has {peers or "none: no OnlineHSSAKD checkpoint"}')
    prefix = f'peers.{peer}.'
    state = {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}
    return {name: value for name, value in state.items() if keep_branches or not name.startswith('auxiliary_neck.')}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('checkpoint', help='checkpoint of an OnlineHSSAKD run')
    parser.add_argument('out', help='file to write')
    parser.add_argument('--peer', type=int, default=0, help='number of the peer, from 0')
    parser.add_argument('--keep-branches', action='store_true', help='so that the peer can be a teacher')
    args = parser.parse_args()
    try:
        state = peer_state_dict(read_state_dict(args.checkpoint), args.peer, args.keep_branches)
        save_atomically(dict(state_dict=state, meta=dict(peer=args.peer)), args.out)
    except (OSError, ValueError) as error:
        raise SystemExit(f'export_peer: {error}') from None
    print(f'Peer {args.peer}: {len(state)} tensors written to {args.out}')


if __name__ == '__main__':
    main()
