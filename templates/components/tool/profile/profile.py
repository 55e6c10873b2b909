"""Profiles a few training steps: how long they wait for data, what they compute, how much memory they take.

    python -m <package>.tools.profile configs/baseline.py
    python -m <package>.tools.profile configs/baseline.py batch_size=256 workers=4

prints the times of a step and the costliest operations, and writes trace.json, which ui.perfetto.dev shows as a timeline.
"""

import argparse
import time
from pathlib import Path
from statistics import median

import torch
from torch.profiler import ProfilerActivity
from torch.profiler import profile as recorded

from ..config import Config, load
from ..debug import Bench
from ..errors import told_plainly
from ..feed import feed, on_device


class Steps:
    """The first steps of a run, one by one, with what each took."""

    def __init__(self, config: Config, count: int) -> None:
        self.bench = bench = Bench(config)
        train_set = on_device(bench.train_set, bench.device)
        self.stream = feed(bench.task, train_set, config, 0, count, bench.device)
        self.waited: list[float] = []  # seconds, for data
        self.computed: list[float] = []  # seconds, until the device is done

    def take(self, count: int) -> None:
        for _ in range(count):
            began = time.perf_counter()
            batch = next(self.stream)
            fetched = time.perf_counter()
            self.bench.step(batch)  # its loss is read: the device has finished
            self.waited.append(fetched - began)
            self.computed.append(time.perf_counter() - fetched)


def profile(config: Config, trace: Path, steps: int = 20, warm_up: int = 5) -> None:
    """Prints what `steps` steps take, and the costliest operations of as many more, which recording slows down."""
    taken = Steps(config, warm_up + 2 * steps)
    device = taken.bench.device
    taken.take(warm_up)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    taken.take(steps)
    waited, computed = median(taken.waited[warm_up:]), median(taken.computed[warm_up:])
    share = waited / (waited + computed)
    print(f"a step: {1e3 * waited:.2f} ms for data, {1e3 * computed:.2f} ms to compute")
    if share > 0.1:
        print(f"{share:.0%} of the time is waiting for data: try workers=4 or device=auto")
    if device.type == "cuda":
        print(f"peak memory: {torch.cuda.max_memory_allocated(device) / 2**20:.0f} MiB")
    activities = [ProfilerActivity.CPU]
    activities += [ProfilerActivity.CUDA] if device.type == "cuda" else []
    with recorded(activities=activities, acc_events=True) as recording:
        taken.take(steps)
    order = f"self_{'cuda' if device.type == 'cuda' else 'cpu'}_time_total"
    print(recording.key_averages().table(sort_by=order, row_limit=10, max_name_column_width=40))
    recording.export_chrome_trace(str(trace))
    print(f"{trace}: open it in ui.perfetto.dev")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog=f"python -m {__package__}.profile", description="Profile a few training steps."
    )
    parser.add_argument("config", type=Path, help="a config file, such as configs/baseline.py")
    parser.add_argument("changes", nargs="*", metavar="key=value", help="such as batch_size=256")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--trace", type=Path, default=Path("trace.json"))
    options = parser.parse_intermixed_args()
    with told_plainly():
        if options.steps < 1:
            raise ValueError("--steps is 1 or more")
        profile(load(options.config, options.changes), options.trace, options.steps)


if __name__ == "__main__":
    main()
