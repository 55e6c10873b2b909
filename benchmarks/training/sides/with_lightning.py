"""Lightning, as its documentation shows; tuned: no bar and no summary, and it is told the loss every 50 steps only."""

import sys

import lightning as L
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from work import Work


class Classifier(L.LightningModule):
    def __init__(self, work):
        super().__init__()
        self.model, self.loss, self.work = work.model, work.loss, work

    def training_step(self, batch, batch_idx):
        inputs, targets = batch
        loss = self.loss(self.model(inputs), targets)
        if not self.work.tuned:
            self.log("train_loss", loss, prog_bar=True)
        elif (self.global_step + 1) % self.work.log_steps == 0:
            self.log("train_loss", loss)
        return loss

    def validation_step(self, batch, batch_idx):
        inputs, targets = batch
        outputs = self.model(inputs)
        accuracy = (outputs.argmax(dim=1) == targets).float().mean()
        figures = {"val_loss": self.loss(outputs, targets), "val_accuracy": accuracy}
        self.log_dict(figures, prog_bar=not self.work.tuned, batch_size=len(targets))

    def configure_optimizers(self):
        optimizer = self.work.optimizer()
        scheduler = {"scheduler": self.work.scheduler(optimizer), "interval": "step"}
        return {"optimizer": optimizer, "lr_scheduler": scheduler}


def main() -> None:
    work = Work(tuned="tuned" in sys.argv)
    trainer = L.Trainer(
        accelerator="cpu",
        devices=1,
        max_epochs=work.epochs,
        gradient_clip_val=1.0,
        check_val_every_n_epoch=work.evaluate_epochs,
        log_every_n_steps=work.log_steps,
        logger=CSVLogger("."),
        callbacks=[ModelCheckpoint(every_n_epochs=work.evaluate_epochs)],
        enable_progress_bar=not work.tuned,
        enable_model_summary=not work.tuned,
        num_sanity_val_steps=0 if work.tuned else 2,
    )
    trainer.fit(Classifier(work), work.loader(), work.val_loader())


if __name__ == "__main__":
    main()
