"""The generated project as it is: `python with_torchgen.py CONFIG [KEY=VALUE ...]`, in its folder, as its own `train` would be called."""

import sys

from stamps import Stamps, steps_of

sys.path.insert(0, ".")

from leaf.config import load  # the project is here only now
from leaf.losses.cross_entropy import CrossEntropy
from leaf.train import main

if __name__ == "__main__":
    path, *changes = sys.argv[1:]
    Stamps(CrossEntropy, steps_of(load(path, changes)))
    main()
