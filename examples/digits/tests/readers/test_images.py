import numpy as np
import pytest
import torch
from PIL import Image

from digits.readers.images import Normalisation, read_images, read_inputs


def random_pixels(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def write_csv(path, pixels, labels):
    """Square grey images (N, side, side) as rows."""
    lines = [["label", *(f"p{index}" for index in range(pixels[0].size))]]
    lines += [[label, *image.flatten()] for label, image in zip(labels, pixels, strict=True)]
    path.write_text("\n".join(",".join(map(str, cells)) for cells in lines))
    return path


def test_pixels_of_every_source_are_the_same(tmp_path):
    pixels, labels = random_pixels(4, 6, 6), ["elm", "elm", "oak", "oak"]
    for index, (image, label) in enumerate(zip(pixels, labels, strict=True)):
        (tmp_path / "all" / label).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(tmp_path / "all" / label / f"{index}.png")
    np.savez(tmp_path / "a.npz", images=pixels, labels=np.array(labels))
    sources = [tmp_path / "all", tmp_path / "a.npz", write_csv(tmp_path / "a.csv", pixels, labels)]
    for source in sources:
        images = read_images(source, size=6)
        assert images.pixels.shape[-3:] == (1, 6, 6)
        assert np.array_equal(images.pixels[torch.arange(4)][:, 0], pixels)
        assert images.labels == labels
        assert len(images.places) == 4
        assert np.array_equal(read_inputs(source, (1, 6, 6))[:, 0], pixels)


@pytest.mark.parametrize(
    ("shape", "expected"), [((5, 4, 6), (5, 1, 4, 6)), ((5, 4, 6, 3), (5, 3, 4, 6))]
)
@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float64])
def test_arrays_have_their_channels_first(tmp_path, shape, expected, dtype):
    pixels = random_pixels(*shape).astype(dtype)
    np.savez(tmp_path / "a.npz", images=pixels, labels=np.arange(5))
    read = read_images(tmp_path / "a.npz").pixels
    assert read.shape == expected
    assert read.dtype == (torch.uint8 if dtype == np.uint8 else torch.float32)
    assert np.array_equal(read.movedim(1, -1).reshape(shape), pixels)


def test_normalised_training_images_have_mean_0_and_deviation_1_in_each_channel():
    scales = torch.tensor([10.0, 100.0, 3.0])[:, None, None]
    pixels = torch.rand(50, 3, 6, 6, generator=torch.Generator().manual_seed(0)) * scales
    inputs = Normalisation.of(pixels, torch.arange(50))(pixels)
    assert inputs.dtype == torch.float32
    assert inputs.mean(dim=(0, 2, 3)) == pytest.approx([0, 0, 0], abs=1e-5)
    assert inputs.std(dim=(0, 2, 3)) == pytest.approx([1, 1, 1], abs=1e-4)


def test_validation_rows_change_no_statistics():
    pixels = torch.rand(50, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    train = torch.arange(0, 50, 2)
    before = Normalisation.of(pixels, train)
    pixels[1::2] *= 1000
    after = Normalisation.of(pixels, train)
    assert (before.maximum, before.mean, before.std) == (after.maximum, after.mean, after.std)


def test_bytes_suit_a_model_that_learned_from_other_numbers():
    """White is white: 255 in a file, 16 in these rows."""
    pixels = torch.arange(17.0).repeat(16)[: 16 * 16].view(16, 1, 4, 4)
    normalise = Normalisation.of(pixels, torch.arange(16))
    assert normalise.maximum == 16
    white = torch.full((1, 1, 4, 4), 255, dtype=torch.uint8)
    assert torch.equal(normalise(white), normalise(torch.full((1, 1, 4, 4), 16.0)))


@pytest.mark.parametrize("pixels", [torch.zeros(3, 1, 4, 4), torch.full((3, 1, 4, 4), 7.0)])
def test_images_without_contrast_stay_finite(pixels):
    assert Normalisation.of(pixels, torch.arange(3))(pixels).eq(0).all()


def test_arrays_of_any_size_become_one_size_by_their_middle(tmp_path):
    pixels = random_pixels(2, 8, 12)
    np.savez(tmp_path / "a.npz", images=pixels)
    assert np.array_equal(read_inputs(tmp_path / "a.npz", (1, 8, 12))[:, 0], pixels)
    assert np.array_equal(read_inputs(tmp_path / "a.npz", (1, 8, 8))[:, 0], pixels[..., 2:10])


def test_arrays_and_files_are_resized_alike(tmp_path):
    pixels = random_pixels(12, 12)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    np.savez(tmp_path / "a.npz", images=pixels[None])
    for side in (5, 12, 17):
        file, array = (read_inputs(tmp_path / name, (1, side, side)) for name in ("a.png", "a.npz"))
        assert file.dtype == array.dtype == torch.uint8
        difference = (file.int() - array.int()).float()
        assert difference.abs().max() <= 1
        assert abs(difference.mean()) < 0.1  # rounded, and not cut off


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"pictures": np.zeros((2, 4, 4))}, "a.npz has no array 'images'; it has: pictures"),
        ({"images": np.zeros((2, 4, 4))}, "a.npz has no column 'labels'"),
        ({"images": np.zeros((2, 4))}, r"images float64 \(2, 4\) must be numbers of shape"),
        (
            {"images": np.zeros((2, 4, 4, 2))},
            r"\(2, 4, 4, 2\) must be numbers of shape \(N, H, W\)",
        ),
        ({"images": np.full((2, 4, 4), "x")}, "images <U1 .* must be numbers"),
        (
            {"images": np.array([0, np.nan]).repeat(16).reshape(2, 4, 4)},
            "a.npz, row 1 has a pixel that is not finite",
        ),
    ],
)
def test_arrays_that_are_no_images_are_told(tmp_path, arrays, sentence):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(ValueError, match=sentence):
        read_images(tmp_path / "a.npz")


def test_rows_that_are_no_images_are_told(tmp_path):
    (path := tmp_path / "a.csv").write_text("label,a,b,c\n1,0,0,0\n")
    with pytest.raises(
        ValueError, match="has 3 columns beside label and split; the pixels of a sq"
    ):
        read_images(path)
    path.write_text("label,a\n1,0\n2,dark\n")
    with pytest.raises(ValueError, match=r"a.csv, line 3: a is 'dark', which is no number"):
        read_images(path)


@pytest.mark.parametrize("settings", [{"channels": 2}, {"size": 0}])
def test_sizes_that_cannot_be_are_told(tmp_path, settings):
    with pytest.raises(ValueError, match=r"can be 1 or 3, image_size=.* at least 1"):
        read_images(tmp_path, **settings)


def test_other_channels_than_asked_for_are_told(tmp_path):
    path = write_csv(tmp_path / "a.csv", random_pixels(2, 4, 4), labels=[0, 1])
    for read, settings in ((read_images, {"channels": 3}), (read_inputs, {"shape": (3, 4, 4)})):
        with pytest.raises(ValueError, match=r"a.csv has images of 1 channels, not 3"):
            read(path, **settings)


def test_folder_without_images_has_nothing_to_predict(tmp_path):
    with pytest.raises(ValueError, match="holds no image file"):
        read_inputs(tmp_path, (1, 4, 4))
