import pytest
import torch

from digits.readers.classes import (
    check_labels,
    class_names,
    class_numbers,
    describe_classes,
)

PLACES = [f"a.csv, line {line}" for line in range(2, 6)]
ALL = torch.arange(4)


def test_classes_are_those_of_the_training_rows():
    assert class_names(["b", "a", "b", "c"], PLACES, torch.tensor([0, 1, 2])) == ["a", "b"]


def test_numbers_are_in_their_own_order():
    assert class_names(["10", "9", "2", "10"], PLACES, ALL) == ["2", "9", "10"]


def test_number_of_a_class_leads_back_to_its_name():
    labels = ["b", "a", "c", "b"]
    names = class_names(labels, PLACES, ALL)
    numbers = class_numbers(labels, PLACES, names)
    assert numbers.dtype == torch.int64
    assert [names[number] for number in numbers] == labels


def test_class_that_only_validates_is_told():
    with pytest.raises(
        ValueError, match=r"a.csv, line 4 is 'c', which no training row is; they ar"
    ):
        class_numbers(["a", "b", "c", "a"], PLACES, ["a", "b"])


@pytest.mark.parametrize("label", ["", "  ", "NA", "nan", "n/a"])
def test_missing_label_is_told_and_is_no_class(label):
    with pytest.raises(
        ValueError, match=r"a.csv, line 3 has no label; fill it in or leave the row"
    ):
        check_labels(["a", label, "b", "b"], PLACES)


def test_one_class_alone_is_told():
    with pytest.raises(ValueError, match="line 2 and all other training rows are 'a'; two classes"):
        class_names(["a", "a", "a", "b"], PLACES, torch.tensor([0, 1, 2]))


def test_description_names_the_most_probable_class():
    logits = torch.tensor([[0.0, 3.0], [0.0, -1.0]]).log_softmax(dim=1) + 5
    assert describe_classes(logits, ["ant", "bee"]) == ["bee (95.3%)", "ant (73.1%)"]
