"""Open and closed loops of requests on loopback connections, bounded in time and count."""

from __future__ import annotations

import queue
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Sample:
    """One step. Milliseconds from the scheduled time to the answer of the POST (0 where a page is only opened), and to the whole
    page after it."""

    kind: str
    post_ms: float
    page_ms: float
    error: str = ""


Step = Callable[[int, float], Sample]
"""(connection number, scheduled time on the monotonic clock) → what was seen."""


@dataclass
class Result:
    """All samples of one run."""

    samples: list[Sample] = field(default_factory=list)
    scheduled: int = 0
    late: int = 0
    seconds: float = 0.0

    def worst(self, value: Callable[[Sample], float], share: float = 0.95) -> tuple[str, float]:
        """The kind of step with the highest percentile, and that percentile."""
        by_kind: dict[str, list[float]] = defaultdict(list)
        for sample in self.samples:
            if not sample.error:
                by_kind[sample.kind].append(value(sample))
        return max(((k, percentile(v, share)) for k, v in by_kind.items()), key=lambda kv: kv[1], default=("none", 0.0))

    @property
    def errors(self) -> list[str]:
        """What went wrong, one line each."""
        return [f"{s.kind}: {s.error}" for s in self.samples if s.error]


def percentile(values: list[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, min(len(ordered) - 1, -(-int(len(ordered) * share * 1000) // 1000) - 1))]


def open_loop(step: Step, *, rate: float, seconds: float, connections: int, grace: float) -> Result:
    """Steps arrive on schedule whether or not earlier ones have ended; each is timed from its scheduled moment.

    A step that ends more than `grace` seconds after the last arrival counts as an error.
    """
    result, lock = Result(), threading.Lock()
    due: queue.Queue[float | None] = queue.Queue()
    start = time.monotonic() + 0.5
    last = start + seconds

    def serve(number: int) -> None:
        while (scheduled := due.get()) is not None:
            sample = step(number, scheduled)
            if time.monotonic() > last + grace:
                sample = Sample(sample.kind, sample.post_ms, sample.page_ms, "finished too late")
            with lock:
                result.samples.append(sample)

    threads = [threading.Thread(target=serve, args=(n,), daemon=True) for n in range(connections)]
    for thread in threads:
        thread.start()
    result.scheduled = int(rate * seconds)
    for i in range(result.scheduled):
        at = start + i / rate
        time.sleep(max(0.0, at - time.monotonic()))
        due.put(at)
    for _ in threads:
        due.put(None)
    for thread in threads:
        thread.join(timeout=grace + 60)
    result.late = result.scheduled - len(result.samples)
    result.seconds = time.monotonic() - start
    return result


def closed_loop(step: Step, *, seconds: float, connections: int) -> Result:
    """Each connection sends its next step as soon as the last has ended."""
    result, lock = Result(), threading.Lock()
    start = time.monotonic()

    def serve(number: int) -> None:
        while time.monotonic() < start + seconds:
            sample = step(number, time.monotonic())
            with lock:
                result.samples.append(sample)

    threads = [threading.Thread(target=serve, args=(n,), daemon=True) for n in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=seconds + 60)
    result.seconds = time.monotonic() - start
    result.scheduled = len(result.samples)
    return result
