"""What is measured on a GPU: an encoder of 85 million parameters on sequences of 512 tokens, in bf16 and compiled.

One evaluation, after the last step: none falls between the steps that are measured, and no batch is smaller than the others.
"""

from dataclasses import replace
from functools import partial

from configs.baseline import config as baseline
from leaf.models.transformer import TokenTransformer
from leaf.tasks.made_up import MadeUpTexts

config = replace(
    baseline,
    task=partial(MadeUpTexts, samples=16 * 128, length=511),
    model=partial(TokenTransformer, width=768, depth=12, heads=12, dropout=0.0),
    optimizer=partial(baseline.optimizer, lr=3e-4),
    precision="bf16",
    compile=True,
    epochs=5,
    batch_size=128,
    log_steps=50,
    evaluate_steps=10**9,
)
