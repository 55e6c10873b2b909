from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from digits.data import TensorSet, in_order
from digits.readers.image_files import LazyImages
from digits.tasks.image_classification import ImageClassification

WORDS = ("elm", "oak")


@pytest.fixture
def leaves(tmp_path):
    """A folder of class folders: 10 images of 12 x 10 pixels each, oaks brighter than elms."""
    generator = np.random.default_rng(0)
    for number, word in enumerate(WORDS):
        (tmp_path / "leaves" / word).mkdir(parents=True)
        for index in range(10):
            pixels = generator.integers(100 * number, 100 * number + 50, (10, 12, 3))
            path = tmp_path / "leaves" / word / f"{index}.png"
            Image.fromarray(pixels.astype(np.uint8)).save(path)
    return tmp_path / "leaves"


def test_shipped_digits():
    task = ImageClassification()
    train_set, val_set = task.load()
    assert (len(train_set), len(val_set)) == (1047, 250)
    assert task.sizes == {"in_channels": 1, "in_features": 64, "out_features": 10}
    assert task.references() == {"support vector machine": 0.98, "chance": pytest.approx(0.104)}


def test_folder_of_images_is_decoded_a_batch_at_a_time(leaves):
    task = ImageClassification(str(leaves), image_size=8, val_fraction=0.3, test_fraction=0.1)
    train_set, val_set = task.load()
    assert isinstance(train_set, LazyImages)
    assert (len(train_set), len(val_set)) == (12, 6)
    assert task.sizes == {"in_channels": 3, "in_features": 192, "out_features": 2}
    batches = list(in_order(val_set, 4))
    assert [inputs.shape for inputs, _ in batches] == [(4, 3, 8, 8), (2, 3, 8, 8)]
    for inputs, targets in batches:
        assert torch.equal(inputs.mean(dim=(1, 2, 3)) > 0, targets == WORDS.index("oak"))


def test_no_file_is_in_two_sets(leaves):
    train_set, val_set = ImageClassification(str(leaves)).load()
    _, test_set = ImageClassification(str(leaves)).load("test")
    every = [*train_set.files.paths, *val_set.files.paths, *test_set.files.paths]
    assert len(set(every)) == len(every) == 20


def test_image_files_are_read_as_in_training(leaves):
    task = ImageClassification(str(leaves), image_size=8)
    _, val_set = task.load()
    expected, _ = val_set.__getitems__(torch.arange(len(val_set)))
    assert torch.equal(task.read([Path(path) for path in val_set.files.paths]), expected)
    everything = task.read([leaves])
    assert everything.shape == (20, 3, 8, 8)
    assert torch.equal(everything[:10], task.read([leaves / "elm"]))


def test_picture_of_a_digit_is_read_like_its_row(tmp_path):
    """Ink of 16 is white of 255: what was drawn elsewhere suits the shipped digits."""
    task = ImageClassification()
    _, val_set = task.load()
    image = val_set.inputs[:1] * task.normalise.std + task.normalise.mean  # from 0 to 1
    Image.fromarray((image[0, 0] * 255).round().byte().numpy()).save(tmp_path / "digit.png")
    assert torch.allclose(task.read([tmp_path / "digit.png"]), val_set.inputs[:1], atol=1e-2)


def test_arrays_are_kept_in_memory(tmp_path):
    labels = np.array([3, 12] * 10)
    images = np.random.default_rng(0).integers(0, 256, (20, 6, 9, 3), dtype=np.uint8)
    split = np.array(["train"] * 15 + ["val"] * 5)
    np.savez(tmp_path / "a.npz", images=images, labels=labels, split=split)
    task = ImageClassification(str(tmp_path / "a.npz"))
    train_set, val_set = task.load()
    assert isinstance(train_set, TensorSet)
    assert (len(train_set), len(val_set)) == (15, 5)
    assert task.shape == (3, 6, 9)
    assert task.describe(torch.tensor([[0.0, 1.0]])) == ["12 (73.1%)"]


def test_augmentation_is_as_strong_as_its_setting():
    train_set, _ = ImageClassification().load()
    images = train_set.inputs[:32]

    def change(strength):
        task = ImageClassification(augment=strength)
        return (task.augment(images, torch.Generator().manual_seed(0)) - images).abs().mean()

    assert change(0) == 0
    assert 0 < change(0.2) < change(1.0)
    with pytest.raises(ValueError, match="augment must be 0 or more, not -1"):
        ImageClassification(augment=-1)


def test_folders_that_cannot_be_learned_from_are_told(leaves):
    (leaves / "ash").mkdir()
    with pytest.raises(ValueError, match=r"ash holds no image file"):
        ImageClassification(str(leaves)).load()
    (leaves / "elm" / "0.png").rename(leaves / "ash" / "0.png")
    with pytest.raises(ValueError, match=r"ash/0.png is the only row of 'ash'"):
        ImageClassification(str(leaves)).load()
    (leaves / "elm" / "1.png").rename(leaves / "ash" / "1.png")
    (leaves / "ash" / "1.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"ash/1.png cannot be read as an image"):
        list(in_order(ImageClassification(str(leaves)).load()[1], 64))
