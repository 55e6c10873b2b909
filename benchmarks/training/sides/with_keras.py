"""Keras on torch, around the same torch module; tuned: no bar, no running accuracy, batches fetched at once."""

import os
import sys

os.environ["KERAS_BACKEND"] = "torch"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import keras  # it reads its backend when it is imported
import stamps
from keras import ops
from work import Work, two_groups


class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """The project's warm-up and half cosine, in Keras's operations."""

    def __init__(self, highest, warmup_steps, total_steps):
        self.highest, self.warmup, self.total = highest, warmup_steps, total_steps

    def __call__(self, step):
        step = ops.cast(step, "float32")
        rising = (step + 1) / (self.warmup + 1)
        progress = (step - self.warmup) / (self.total - self.warmup)
        falling = (1 + ops.cos(3.141592653589793 * progress)) / 2
        return self.highest * ops.where(step < self.warmup, rising, falling)


class Loss(keras.losses.SparseCategoricalCrossentropy):
    def __call__(self, y_true, y_pred, sample_weight=None):
        loss = super().__call__(y_true, y_pred, sample_weight)
        stamps.stamp(loss)
        return loss


def main() -> None:
    work = Work(tuned="tuned" in sys.argv)
    model = keras.Sequential([keras.layers.TorchModuleWrapper(work.model)])
    settings = work.config.optimizer.keywords
    share = work.config.scheduler.keywords["warmup"]
    schedule = Schedule(settings["lr"], int(share * work.total_steps), work.total_steps)
    optimizer = keras.optimizers.AdamW(
        schedule, weight_decay=settings["weight_decay"], global_clipnorm=1.0, epsilon=1e-8
    )
    model.build((None, *work.train_set.inputs.shape[1:]))
    kept = {id(p) for g in two_groups(work.model) if "weight_decay" in g for p in g["params"]}
    variables = [v for v in model.trainable_variables if id(v.value) in kept]
    optimizer.exclude_from_weight_decay(var_list=variables)
    metrics = [] if work.tuned else ["accuracy"]
    model.compile(optimizer, Loss(from_logits=True), metrics=metrics, jit_compile=False)
    saver = keras.callbacks.ModelCheckpoint("last.weights.h5", save_weights_only=True)
    saver.save_freq = work.evaluate_steps
    loader = work.loader()
    loader.sampler.epoch = -1  # Keras takes a look at a first batch, which begins an epoch
    model.fit(
        loader,
        epochs=work.epochs,
        verbose=0 if work.tuned else "auto",
        validation_data=work.val_loader(),
        validation_freq=work.evaluate_epochs,
        callbacks=[saver, keras.callbacks.CSVLogger("metrics.csv")],
    )


if __name__ == "__main__":
    main()
