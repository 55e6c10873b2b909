import numpy as np
import pytest
import torch
from PIL import Image

from project.readers.image_files import LazyImages
from project.tasks.metric_learning import MetricLearning


def test_shipped_digits():
    task = MetricLearning()
    train_set, val_set = task.load()
    assert (len(train_set), len(val_set)) == (1047, 250)
    assert task.sizes == {"in_channels": 1, "in_features": 64, "out_features": 32}
    assert task.references() == {"raw pixels": 0.701, "chance": pytest.approx(0.023, abs=5e-4)}


@pytest.mark.parametrize(("held_out", "recall"), [("val", 0.988), ("test", 0.986)])
def test_raw_pixels_reach_the_figure_that_is_shown(held_out, recall):
    task = MetricLearning()
    _, dataset = task.load(held_out)
    pixels = dataset.inputs * task.normalise.std + task.normalise.mean
    figures = task.metrics(pixels.flatten(1), dataset.targets)
    assert figures["map_at_r"] == pytest.approx(task.references()["raw pixels"], abs=5e-4)
    assert figures["recall_at_1"] == pytest.approx(recall, abs=5e-4)


def test_length_of_an_embedding_changes_no_figure():
    task = MetricLearning()
    targets = torch.arange(40) % 4
    embeddings = torch.randn(40, 8, generator=torch.Generator().manual_seed(0))
    lengths = torch.linspace(0.1, 10, 40)[:, None]
    assert task.metrics(embeddings, targets) == pytest.approx(
        task.metrics(embeddings * lengths, targets)
    )


def test_embedding_is_as_long_as_its_setting():
    task = MetricLearning(embedding_dim=5)
    task.load()
    assert task.sizes["out_features"] == 5
    with pytest.raises(ValueError, match="embedding_dim must be at least 1, not 0"):
        MetricLearning(embedding_dim=0)
    with pytest.raises(ValueError, match="augment must be 0 or more, not -1"):
        MetricLearning(augment=-1)


def test_each_image_is_told_the_one_that_is_most_like_it():
    embeddings = torch.tensor([[1.0, 0.0], [0.0, 2.0], [5.0, 0.1], [0.1, 1.0]])
    assert MetricLearning().describe(embeddings) == [
        "most like no. 3 (cosine 1.000)",
        "most like no. 4 (cosine 0.995)",
        "most like no. 1 (cosine 1.000)",
        "most like no. 2 (cosine 0.995)",
    ]


def test_one_image_alone_has_nothing_to_be_like():
    (answer,) = MetricLearning().describe(torch.ones(1, 2))
    assert "give two images or more" in answer


def test_folder_of_images_is_decoded_a_batch_at_a_time(tmp_path):
    generator = np.random.default_rng(0)
    for index in range(12):
        path = tmp_path / f"class {index % 3}" / f"{index}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(generator.integers(0, 256, (8, 8), dtype=np.uint8)).save(path)
    task = MetricLearning(str(tmp_path), image_size=8, val_fraction=0.5, test_fraction=0)
    train_set, val_set = task.load()
    assert isinstance(train_set, LazyImages)
    inputs, targets = val_set.__getitems__([0, 5])
    assert (inputs.shape, targets.tolist()) == ((2, 1, 8, 8), [0, 2])
    assert torch.equal(task.read(val_set.files.paths[[0, 5]]), inputs)
