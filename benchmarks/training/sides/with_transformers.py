"""The Trainer of Hugging Face Transformers with a model of one's own; tuned: no bar, batches fetched at once."""

import sys

import numpy as np
from torch import nn
from torch.utils.data import Dataset
from transformers import Trainer, TrainingArguments
from work import Order, Work, as_it_is, collate_texts, default_collate


class WithLoss(nn.Module):
    """The Trainer wants the loss from the model."""

    def __init__(self, work):
        super().__init__()
        self.model, self.loss = work.model, work.loss

    def forward(self, inputs, labels):
        outputs = self.model(inputs)
        return {"loss": self.loss(outputs, labels), "logits": outputs}


class Rows(Dataset):
    def __init__(self, samples):
        self.samples = samples

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, row):
        return self.samples.inputs[row], self.samples.targets[row]


class Batches(Rows):
    def __getitems__(self, rows):
        return self.samples.__getitems__(rows)


class InOrder(Trainer):
    def _get_train_sampler(self, train_dataset=None):
        return Order(work)


def collate(samples):
    if work.tuned:
        inputs, targets = as_it_is(samples)
    else:
        inputs, targets = (collate_texts if work.is_text else default_collate)(samples)
    return {"inputs": inputs, "labels": targets}


def accuracy(prediction):
    return {"accuracy": float(np.mean(prediction.predictions.argmax(1) == prediction.label_ids))}


work = Work(tuned="tuned" in sys.argv)


def main() -> None:
    arguments = TrainingArguments(
        "checkpoints",
        use_cpu=True,
        num_train_epochs=work.epochs,
        per_device_train_batch_size=work.batch_size,
        per_device_eval_batch_size=256,
        max_grad_norm=1.0,
        logging_steps=work.log_steps,
        eval_strategy="steps",
        eval_steps=work.evaluate_steps,
        save_steps=work.evaluate_steps,
        save_total_limit=1,
        disable_tqdm=work.tuned,
        remove_unused_columns=False,
        report_to="none",
        seed=work.config.seed,
    )
    optimizer = work.optimizer(fused=True)  # as the Trainer's own AdamW is
    kind = Batches if work.tuned else Rows
    trainer = InOrder(
        WithLoss(work),
        arguments,
        data_collator=collate,
        train_dataset=kind(work.train_set),
        eval_dataset=kind(work.val_set),
        compute_metrics=accuracy,
        optimizers=(optimizer, work.scheduler(optimizer)),
    )
    trainer.train()


if __name__ == "__main__":
    main()
