"""Connecting to a cluster, and how many workers it has room for."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import ray

from vpr_ray.tokens import guarded, of_its_own, refused, require_listener, restored

__all__ = ["connected", "room_for"]

log = logging.getLogger(__name__)

_STORE_BYTES = 80 * 2**20
"""Nothing but chunk numbers travels through Ray, so a store near its least allowed size will do."""


@contextmanager
def connected(address: str) -> Iterator[None]:
    """Be a driver of the cluster at ``address`` within the block; a connection that is there already is used and kept.

    Raises:
        ConnectionError: there is no such cluster, or it cannot be reached.
        PermissionError: it wants a token that this process does not have.
    """
    if ray.is_initialized():
        yield
        return
    with restored():
        if address == "local":
            of_its_own()
            ray.init(address="local", include_dashboard=False, object_store_memory=_STORE_BYTES, log_to_driver=False)
        else:
            _connect(address)
        try:
            yield
        finally:
            ray.shutdown()


def _connect(address: str) -> None:
    require_listener(address)
    try:
        ray.init(address=address, log_to_driver=False)
    except Exception as error:
        if (denied := refused(address, error)) is not None:
            raise denied from error
        if not isinstance(error, ConnectionError):
            raise
        raise ConnectionError(
            f"address: no Ray cluster at {address!r} ({_first_line(error)}); start one with `ray start --head` and "
            "`ray start --address=HOST:6379` on the other machines, name another with engine.address=HOST:6379, or "
            "set engine.address=local"
        ) from error
    if not guarded():  # only now: Ray itself turns tokens on where it finds one
        log.warning(
            "RAY_AUTH_MODE is not 'token': whoever reaches the ports of this Ray cluster can run code on it; keep it "
            "on a private network"
        )


def room_for(*, cpus: float, gpus: float) -> int:
    """Return how many workers the machines of the cluster have room for.

    Raises:
        ValueError: not one.
    """
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    room = sum(_slots(machine, cpus=cpus, gpus=gpus) for machine in machines)
    if room == 0:
        raise ValueError(
            f"cpus, gpus: a worker wants {cpus:g} CPUs and {gpus:g} GPUs, and no machine of the cluster has them "
            f"({_said(machines)}); lower engine.cpus and engine.gpus, add a machine, or set engine.workers for a "
            "cluster that grows when asked"
        )
    return room


def _slots(machine: Mapping[str, float], *, cpus: float, gpus: float) -> int:
    wanted = {"CPU": cpus, "GPU": gpus}
    return min(int(machine.get(name, 0.0) / amount + 1e-6) for name, amount in wanted.items() if amount > 0)


def _said(machines: Sequence[Mapping[str, float]]) -> str:
    return "; ".join(f"{m.get('CPU', 0):g} CPUs, {m.get('GPU', 0):g} GPUs" for m in machines) or "it has no machine"


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
