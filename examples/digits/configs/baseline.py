"""The run that every other config is compared with.

    python -m digits.train configs/baseline.py

A config of your own states only its difference: `config = replace(baseline, epochs=40)`, with
`from configs.baseline import config as baseline` above it.
"""

from functools import partial

import torch

from digits.config import Config
from digits.losses.cross_entropy import CrossEntropy
from digits.models.cnn import CNN
from digits.schedulers.cosine import warmup_cosine
from digits.tasks.image_classification import ImageClassification

config = Config(
    task=partial(ImageClassification, source="data/digits.csv"),
    model=partial(CNN, width=32, stages=2, dropout=0.1),
    loss=partial(CrossEntropy, label_smoothing=0.0),
    optimizer=partial(torch.optim.AdamW, lr=2e-3, weight_decay=0.01, fused=True),
    scheduler=partial(warmup_cosine, warmup=0.05),
    precision="auto",
    epochs=30,
    batch_size=64,
    max_grad_norm=1.0,
    seed=0,
)
