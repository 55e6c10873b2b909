"""Who computes what of a batch and of a data set: a function of the sizes alone."""

from .distributed import processes, rank


def share(samples: int, parts: int = 1) -> slice:
    """Which samples of a batch this process computes.

    A batch that is too small to be cut for everyone is computed as a whole by everyone: the mean is the same.
    parts: into how many the share can be cut in its turn, on every process
    """
    if samples < processes() * parts:
        return slice(0, samples)
    short, longer = divmod(samples, processes())
    start = rank() * short + min(rank(), longer)
    return slice(start, start + short + (rank() < longer))


def passes_of(count: int) -> list[int]:
    """Which of `count` forward passes this process computes: equally many for everyone, so that nobody waits for one that has none.

    Those that are left over repeat the last pass, after all the others.
    """
    each = -(-count // processes())
    return [min(rank() * each + number, count - 1) for number in range(each)]
