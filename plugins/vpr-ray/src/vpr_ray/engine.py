"""The engine ``ray``: worker processes of a cluster, each given one chunk after another."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import ray
from ray.exceptions import (
    NodeDiedError,
    OutOfMemoryError,
    RayActorError,
    RayTaskError,
    WorkerCrashedError,
)

from vpr_ray.cluster import connected, room_for

if TYPE_CHECKING:
    from vpr_core.engines import ChunkWork

__all__ = ["RayEngine"]

_LOST = (RayActorError, WorkerCrashedError, NodeDiedError, OutOfMemoryError)
_LOOK_EVERY = 5.0


class RayEngine:
    """Schedules chunks on a Ray cluster; the workers themselves write the results to shared storage.

    Workers are actors, so that each loads the network once and keeps its GPU. An actor is given a chunk only when it is
    known to run: those for which the cluster has no room wait and hold up nothing. When one is lost, its chunk goes to
    the next that is free, and another actor is asked for in its place.

    Args:
        address: ``auto``, ``local`` or ``host:port`` of the cluster's head.
        workers: number of actors; None: as many as there is room for.
        cpus: CPUs that an actor reserves.
        gpus: GPUs that an actor reserves.
        tries: workers that a chunk may lose before it is given up.
        patience: seconds without a single worker before everything is given up.
    """

    def __init__(
        self,
        *,
        address: str = "auto",
        workers: int | None = None,
        cpus: float = 1.0,
        gpus: float = 0.0,
        tries: int = 3,
        patience: float = 600.0,
    ) -> None:
        self._address, self._workers = address, workers
        self._cpus, self._gpus = cpus, gpus
        self._tries, self._patience = tries, patience

    def run(self, work: ChunkWork, *, done: Callable[[int], None]) -> None:
        """Compute every chunk of ``work``.

        Raises:
            ConnectionError: the cluster cannot be reached.
            ValueError: it has no machine on which a worker would fit.
            ChildProcessError: workers do not start, or those that were given one and the same chunk died.
            TimeoutError: no worker for too long.
        """
        with connected(self._address):
            room = self._workers or room_for(cpus=self._cpus, gpus=self._gpus)
            actor = ray.remote(num_cpus=self._cpus, num_gpus=self._gpus, max_restarts=0)(Worker)
            pool = _Pool(actor.remote, work, tries=self._tries, patience=self._patience)
            try:
                pool.run(min(room, len(work.chunks)), done)
            finally:
                pool.kill()


class Worker:
    """Lives in a process of its own on some machine of the cluster."""

    def ready(self) -> None:
        """Answer once the process runs."""

    def compute(self, run: Callable[[Mapping[str, Any], int], None], job: Mapping[str, Any], chunk: int) -> None:
        """Compute a chunk."""
        run(job, chunk)


class _Pool:
    """Actors and what each of them is doing."""

    def __init__(self, new_actor: Callable[[], Any], work: ChunkWork, *, tries: int, patience: float) -> None:
        self._new_actor, self._work = new_actor, work
        self._tries, self._patience = tries, patience
        self._begun: Counter[int] = Counter()
        self._failed_starts = 0
        self._waiting = deque(work.chunks)
        self._starting: dict[Any, Any] = {}
        self._busy: dict[Any, tuple[Any, int]] = {}
        self._idle: list[Any] = []

    def run(self, count: int, done: Callable[[int], None]) -> None:
        """Start ``count`` actors and return when every chunk is done."""
        for _ in range(count):
            self._start()
        alive = time.monotonic()
        while self._waiting or self._busy:
            while self._waiting and self._idle:
                self._give(self._idle.pop(), self._waiting.popleft())
            ended, _ = ray.wait([*self._busy, *self._starting], num_returns=1, timeout=_LOOK_EVERY)
            for reference in ended:
                if reference in self._starting:
                    self._started(reference)
                elif (chunk := self._ended(reference)) is not None:
                    done(chunk)
            if ended or self._busy:
                alive = time.monotonic()
            elif time.monotonic() - alive > self._patience:
                raise TimeoutError(
                    f"patience: no worker for {self._patience:g} s, {len(self._waiting)} chunks are left; `ray status` "
                    "shows what the cluster is doing. Free some of it or raise engine.patience, then start again: what "
                    "is finished is kept"
                )

    def kill(self) -> None:
        """End every actor, and with it whatever it is doing."""
        for actor in [*self._idle, *self._starting.values(), *(actor for actor, _ in self._busy.values())]:
            ray.kill(actor)

    def _start(self) -> None:
        actor = self._new_actor()
        self._starting[actor.ready.remote()] = actor

    def _started(self, reference: Any) -> None:
        actor = self._starting.pop(reference)
        try:
            ray.get(reference)
        except (*_LOST, RayTaskError) as error:
            self._failed_starts += 1
            if self._failed_starts >= self._tries:
                raise ChildProcessError(
                    f"engine ray: {self._failed_starts} workers did not start (vpr-ray and the run's packages must "
                    f"be installed on every machine, in one version): {error}"
                ) from error
            self._start()
        else:
            self._failed_starts = 0
            self._idle.append(actor)

    def _give(self, actor: Any, chunk: int) -> None:
        self._begun[chunk] += 1
        self._busy[actor.compute.remote(self._work.run, self._work.job, chunk)] = actor, chunk

    def _ended(self, reference: Any) -> int | None:
        """Return the chunk that is done; None when its worker was lost."""
        actor, chunk = self._busy.pop(reference)
        try:
            ray.get(reference)
        except RayTaskError as error:
            self._idle.append(actor)
            raise (error.cause if isinstance(error.cause, Exception) else error) from error
        except _LOST as error:
            ray.kill(actor)  # it may only be out of reach
            if self._begun[chunk] >= self._tries:
                raise ChildProcessError(
                    f"engine ray: chunk {chunk} has lost {self._begun[chunk]} workers (engine.tries), the last one so: "
                    f"{error}"
                ) from error
            self._waiting.appendleft(chunk)
            self._start()
            return None
        self._idle.append(actor)
        return chunk
