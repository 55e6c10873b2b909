"""fastai's Learner on loaders of torch; tuned: no bar, batches fetched at once."""

import sys
from contextlib import nullcontext

import torch
from fastai.basics import DataLoaders, Learner, OptimWrapper, accuracy, partial
from fastai.callback.progress import CSVLogger
from fastai.callback.schedule import ParamScheduler
from fastai.callback.tracker import SaveModelCallback
from fastai.callback.training import GradientClip
from work import Work, two_groups


def main() -> None:
    work = Work(tuned="tuned" in sys.argv)
    settings = dict(work.config.optimizer.keywords)
    decay, rate = settings.pop("weight_decay"), settings.pop("lr")
    groups = two_groups(work.model)
    learner = Learner(
        DataLoaders(work.loader(), work.val_loader(), device="cpu"),
        work.model,
        loss_func=work.loss,
        opt_func=partial(OptimWrapper, opt=torch.optim.AdamW, fused=work.tuned),
        splitter=lambda model: [group["params"] for group in groups],
        metrics=accuracy,
        cbs=[GradientClip(1.0), CSVLogger()],
    )
    rates = [rate * factor for factor in work.factors()]
    schedule = {"lr": lambda position: rates[round(position * work.total_steps)]}
    saver = SaveModelCallback(every_epoch=work.evaluate_epochs, with_opt=True)
    decays = [group.get("weight_decay", decay) for group in groups]
    with learner.no_bar() if work.tuned else nullcontext():
        learner.fit(work.epochs, rate, wd=decays, cbs=[ParamScheduler(schedule), saver])


if __name__ == "__main__":
    main()
