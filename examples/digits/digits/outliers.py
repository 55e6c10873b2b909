"""Numbers far from all others, such as 99999 for "unknown" or a lost decimal point.

They are measured by the data, since data that are standardised hide them: of N numbers none is further than sqrt(N) deviations from the
mean. One that is wild sets the scale, and brings all others together.
"""

import torch
from torch import Tensor

FAR = 50.0  # times as far from the median as nearly all others
NEARLY_ALL = 0.95  # of the numbers that differ from the median: where most are 0, so is the median
LONE = 10.0  # where all other rows have the same number, there are no distances to compare with
SELDOM = 5.0  # deviations: columns whose numbers all are nearer, which is most, need no second look


def far(values: Tensor) -> Tensor:
    """Which of these (N, ...) are far from the others: of a table (N, F) in their column, of images and the like anywhere."""
    columns = values.reshape(len(values), -1)  # (N, P)
    if values.ndim > 2:
        columns = columns.reshape(-1, 1)  # (N * P, 1)
    distances = (columns - columns.median(dim=0).values).abs()
    largest = distances.amax(dim=0)  # (P,)
    # the squares of numbers near 1e38 would not be finite
    deviations = (distances / largest).square().mean(dim=0).rsqrt()
    limits = torch.full_like(largest, torch.inf)
    for column in (deviations > SELDOM).nonzero()[:, 0]:
        limits[column] = limit(distances[:, column], rows=len(values))
    return (distances > limits).reshape(values.shape)


def limit(distances: Tensor, rows: int) -> float:
    """From which distance on a number is far, by all distances from the median: (N * P,) of so many rows."""
    different = distances[distances > 0]
    if int((distances.reshape(rows, -1) > 0).any(dim=1).sum()) == 1:
        return LONE
    # of two or more never the largest
    rank = 1 + int(NEARLY_ALL * (len(different) - 1))
    return FAR * float(different.kthvalue(rank).values)


def first_far(values: Tensor) -> tuple[int, str, int] | None:
    """The first row of these (N, ...) that has a number far from all others, that number in words, and how many rows have one."""
    found = far(values).reshape(len(values), -1)  # (N, P)
    rows = found.any(dim=1).nonzero()[:, 0].tolist()
    if not rows:
        return None
    candidates = values[rows[0]].reshape(-1).where(found[rows[0]], 0.0)
    place = int(candidates.abs().argmax())
    where = f" (number {place + 1} of its {len(candidates)})" if len(candidates) > 1 else ""
    return rows[0], f"{candidates[place].item():.3g}{where}", len(rows)
