import numpy as np
import pytest
import torch
from PIL import Image

from digits.readers.image_files import (
    ImageFiles,
    LazyImages,
    channels_of,
    class_folders,
    image_paths,
)


def saved(path, mode="RGB", size=(8, 8), seed=0, **settings):
    """A random picture; width and height as Pillow has them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    width, height = size
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 4), dtype=np.uint8)
    image = Image.fromarray(pixels).convert(mode)
    image.save(path, **settings)
    return np.array(image)


def test_pixels_of_a_file_are_those_that_were_saved(tmp_path):
    colour, grey = saved(tmp_path / "a.png"), saved(tmp_path / "b.png", "L")
    decoded = ImageFiles([tmp_path / "a.png"], (3, 8, 8))[torch.tensor([0])]
    assert (decoded.dtype, decoded.shape) == (torch.uint8, (1, 3, 8, 8))
    assert np.array_equal(decoded[0].permute(1, 2, 0), colour)
    decoded = ImageFiles([tmp_path / "b.png"], (1, 8, 8))[torch.tensor([0])]
    assert np.array_equal(decoded[0, 0], grey)


def test_rows_are_decoded_in_the_order_asked_for(tmp_path):
    for seed in range(3):
        saved(tmp_path / f"{seed}.png", seed=seed)
    files = ImageFiles([tmp_path / f"{seed}.png" for seed in range(3)], (3, 8, 8))
    together = files[torch.arange(3)]
    assert torch.equal(files[torch.tensor([2, 0, 2])], together[[2, 0, 2]])
    assert torch.equal(files.take(torch.tensor([1, 2]))[torch.tensor([1])], together[[2]])


def test_files_of_any_size_become_one_size_by_their_middle(tmp_path):
    pixels = saved(tmp_path / "wide.png", size=(24, 8))
    decoded = ImageFiles([tmp_path / "wide.png"], (3, 8, 8))[torch.tensor([0])]
    assert np.array_equal(decoded[0].permute(1, 2, 0), pixels[:, 8:16])


def test_photograph_stands_upright(tmp_path):
    """Orientation 6: the camera was held on its side, so the top is where the file has its left."""
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = saved(tmp_path / "a.png", exif=exif)
    decoded = ImageFiles([tmp_path / "a.png"], (3, 8, 8))[torch.tensor([0])]
    assert np.array_equal(decoded[0].permute(1, 2, 0), np.rot90(pixels, -1))


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_is_transparent_is_white_paper(tmp_path, mode):
    Image.new(mode, (8, 8)).save(tmp_path / "a.png")
    decoded = ImageFiles([tmp_path / "a.png"], (1, 8, 8))[torch.tensor([0])]
    assert decoded.unique().tolist() == [255]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("empty.png", b"", "cannot be read as an image"),
        ("noise.png", bytes(range(10)), "cannot be read as an image"),
        ("half.png", 60, "cannot be read as an image"),
        ("missing.png", None, "cannot be read as an image: .*No such file"),
    ],
)
def test_unreadable_file_is_told_by_name(tmp_path, name, content, sentence):
    path = tmp_path / name
    if isinstance(content, int):
        saved(path)
        content = path.read_bytes()[:content]
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=f"{name} {sentence}"):
        ImageFiles([path], (3, 8, 8))[torch.tensor([0])]


def test_sixteen_bits_are_refused_and_not_cut_off(tmp_path):
    Image.fromarray(np.full((8, 8), 1000, dtype=np.uint16)).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="more than 8 bits a pixel"):
        ImageFiles([tmp_path / "a.png"], (1, 8, 8))[torch.tensor([0])]


def test_grey_and_colour_are_told_apart(tmp_path):
    saved(tmp_path / "grey.png", "L")
    saved(tmp_path / "colour.png")
    assert (channels_of(tmp_path / "grey.png"), channels_of(tmp_path / "colour.png")) == (1, 3)
    (tmp_path / "noise.png").write_bytes(b"noise")
    with pytest.raises(ValueError, match=r"noise.png cannot be read as an image"):
        channels_of(tmp_path / "noise.png")


def test_folder_of_classes(tmp_path):
    for name in ("oak/2.png", "oak/1.JPG", "elm/deep/3.png", ".cache/4.png"):
        saved(tmp_path / name)
    for name in ("notes.txt", "._1.png"):
        (tmp_path / "oak" / name).write_text("no image")
    paths, labels, splits = class_folders(tmp_path)
    names = [path.relative_to(tmp_path).as_posix() for path in paths]
    assert names == ["elm/deep/3.png", "oak/1.JPG", "oak/2.png"]
    assert (labels, splits) == (["elm", "oak", "oak"], None)


def test_files_are_in_order_whatever_the_disk_says(tmp_path):
    for number in (5, 3, 8, 1, 9, 2, 7, 4, 6, 0):
        (tmp_path / f"{number}.png").touch()
    assert [path.stem for path in image_paths(tmp_path)] == list("0123456789")


def test_folders_train_val_and_test_are_the_split(tmp_path):
    for name in ("train/elm/1.png", "train/oak/2.png", "val/elm/3.png"):
        saved(tmp_path / name)
    paths, labels, splits = class_folders(tmp_path)
    assert [path.name for path in paths] == ["1.png", "2.png", "3.png"]
    assert (labels, splits) == (["elm", "oak", "elm"], ["train", "train", "val"])
    saved(tmp_path / "test/oak/4.png")
    paths, labels, splits = class_folders(tmp_path)
    assert (paths[-1].name, labels[-1], splits[-1]) == ("4.png", "oak", "test")


def test_folder_without_images_is_told(tmp_path):
    with pytest.raises(ValueError, match=r"holds no folders of classes, such as .*oak/1.png"):
        class_folders(tmp_path)
    (tmp_path / "oak").mkdir()
    with pytest.raises(ValueError, match=r"oak holds no image file \(.png, .jpg"):
        class_folders(tmp_path)


def test_batch_is_decoded_when_it_is_asked_for(tmp_path):
    saved(tmp_path / "a.png")
    files = ImageFiles([tmp_path / "a.png", tmp_path / "missing.png"], (3, 8, 8))
    samples = LazyImages(files, torch.tensor([1, 0]), lambda pixels: pixels.float() / 255)
    assert len(samples) == 2
    inputs, targets = samples.__getitems__([0, 0])
    assert torch.equal(inputs, files[torch.tensor([0, 0])].float() / 255)
    assert targets.tolist() == [1, 1]
    with pytest.raises(ValueError, match=r"missing.png"):
        samples.__getitems__([1])
