"""torchgen scaffolds complete, readable, plain-PyTorch projects that train at once."""

__version__ = "0.3.0.dev0"
