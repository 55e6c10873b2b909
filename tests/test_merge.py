"""Three texts into one: whose lines are where, what counts as the same, and what is shown."""

import codecs
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from torchgen_cli import git, merge
from torchgen_cli.merge import Text

LABELS = ("yours", "before", "torchgen")
OLD = "one\ntwo\nthree\nfour\nfive\nsix\nseven\n"


def merged(old, yours, new):
    result = merge.merged(old, yours, new, LABELS)
    assert result is not None
    return result


def test_what_one_side_left_alone_is_taken_from_the_other(monkeypatch):
    monkeypatch.setattr(git, "run", None)  # git is not asked
    assert merged(OLD, OLD, "new\n") == merge.Merged("new\n")
    assert merged(OLD, "mine\n", OLD) == merge.Merged("mine\n")
    assert merged(OLD, "same\n", "same\n") == merge.Merged("same\n")


def test_changes_in_different_places_go_together():
    yours, new = OLD.replace("one", "mine"), OLD.replace("six", "newer") + "eight\n"
    assert merged(OLD, yours, new) == merge.Merged(new.replace("one", "mine"))


def test_a_conflict_shows_all_three_and_says_at_which_line_it_begins():
    yours = "zero\n" + OLD.replace("four", "mine")
    result = merged(OLD, yours, OLD.replace("four", "newer"))
    assert result.conflicts == (5,)
    assert result.text == (
        "zero\none\ntwo\nthree\n"
        "<<<<<<< yours\nmine\n||||||| before\nfour\n=======\nnewer\n>>>>>>> torchgen\n"
        "five\nsix\nseven\n"
    )
    both = merged(OLD, "mine\n" + OLD[4:-6] + "mine\n", "new\n" + OLD[4:-6] + "new\n")
    assert [both.text.split("\n")[line - 1] for line in both.conflicts] == ["<<<<<<< yours"] * 2


def test_without_git_there_is_no_merge_of_two_changes_and_no_guess(monkeypatch):
    monkeypatch.setattr(git, "is_installed", lambda: False)
    assert merge.merged(OLD, OLD + "mine\n", "new\n" + OLD, LABELS) is None


LINES = st.lists(st.sampled_from("abcdefgh"), max_size=8).map(
    lambda them: "".join(f"{line}\n" for line in them)
)
UNIQUE = st.lists(st.tuples(st.integers(0, 20), st.integers()), max_size=5)


@settings(max_examples=60)
@given(old=LINES, new=LINES, mine=UNIQUE)
def test_every_line_of_yours_is_in_the_result(old, new, mine):
    lines = old.splitlines(keepends=True)
    for number, (position, _) in enumerate(mine):
        lines.insert(position % (len(lines) + 1), f"mine {number}\n")
    result = merged(old, "".join(lines), new)
    ours = [line for line in result.text.splitlines() if line.startswith("mine ")]
    assert ours == [line.strip() for line in lines if line.startswith("mine ")]
    assert bool(result.conflicts) == ("=======" in result.text)


FORMS = st.tuples(
    st.text(alphabet="ab \u2028\u00e9\x0c\x1c\r", max_size=6), st.sampled_from(["\n", "\r\n"])
)


@given(
    lines=st.lists(FORMS, max_size=5),
    last=st.text(alphabet="ab\u00e9", max_size=3),
    mark=st.sampled_from([b"", codecs.BOM_UTF8]),
)
def test_a_text_is_put_back_as_it_was(lines, last, mark):
    content = mark + ("".join(line + end for line, end in lines) + last).encode()
    text = Text.of(content)
    assert text is not None
    assert text.with_plain(text.plain) == content
    assert text.plain == "" or text.plain.endswith("\n")


def test_a_new_text_gets_the_form_of_yours():
    windows = Text.of(codecs.BOM_UTF8 + b"one\r\ntwo\r\nthree")
    assert windows.plain == "one\ntwo\nthree\n"
    assert windows.with_plain("one\nnew\n") == codecs.BOM_UTF8 + b"one\r\nnew"
    mixed = Text.of(b"one\r\ntwo\n")
    assert mixed.plain == "one\r\ntwo\n"


@pytest.mark.parametrize("content", [b"\0", b"caf\xe9\n", "one\n".encode("utf-16"), b"\xff\xfe"])
def test_what_is_no_utf8_is_no_text(content):
    assert Text.of(content) is None


CODE = '''def scaled(image, mean, deviation=1.0):  # (B, C, H, W)
    """The image in units."""
    return {"image": (image - mean) / deviation, "mean": mean}
'''
INDENTED = '''"""Summary.

    an example
"""
'''
FORMATTED = """def scaled(
    image, mean, deviation=1.0
):  # (B, C, H, W)
    '''The image in units.'''
    return {
        'image': (image - mean)
        / deviation,
        'mean': mean,
    }
"""


def test_what_a_formatter_does_is_no_change():
    assert merge.same(CODE, FORMATTED, "a.py")
    assert merge.same(CODE, CODE + "\n\n", "a.py")
    assert merge.same(INDENTED, INDENTED.replace("    an", "an"), "a.py")
    assert not merge.same(INDENTED, INDENTED.replace("an ", "an  "), "a.py")


@pytest.mark.parametrize(
    "edit",
    [
        lambda code: code.replace("1.0", "2.0"),
        lambda code: code.replace("# (B, C, H, W)", "# (C, H, W)"),
        lambda code: code.replace("  # (B, C, H, W)", ""),
        lambda code: code + "# mine\n",
        lambda code: code.replace("units", "other units"),
        lambda code: code.replace("scaled", "other"),
        lambda code: code.replace("):", "):)"),
    ],
    ids=["number", "comment", "no comment", "new comment", "docstring", "name", "no Python"],
)
def test_everything_else_is_a_change(edit):
    assert not merge.same(CODE, edit(CODE), "a.py")
    assert not merge.same(CODE, edit(FORMATTED), "a.py")


def test_only_python_is_known_so_well():
    assert not merge.same("a: 'b'\n", 'a: "b"\n', "a.yml")
    assert not merge.same("x = 'b'\n", 'x = "b"\n', "README.md")


def test_a_formatted_file_takes_what_conflicts_with_its_formatting():
    new = CODE.replace("units", "deviations").replace("mean}", "mean, 'raw': image}")
    assert merged(CODE, FORMATTED, new) == merge.Merged(new)


def test_a_formatted_file_with_an_edit_keeps_the_edit():
    yours = FORMATTED.replace("    return", "    print(mean)  # mine\n    return")
    result = merged(CODE, yours, CODE.replace('"mean": mean', '"mean": 2 * mean'))
    assert "    print(mean)  # mine\n" in result.text
    assert result.conflicts


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a\n<<<<<<< yours\nb\n=======\nc\n>>>>>>> torchgen\n", (2,)),
        ("<<<<<<< before updating\n>>>>>>> after updating\n<<<<<<< x\n", (1, 3)),
        ("Title\n=======\n", ()),
        ("x <<<<<<< y\n>>>>>>> z\n", ()),
        ("<<<<<<<\n", ()),
        ("<<<<<<< opened and never closed\n", ()),
    ],
)
def test_markers_are_found_and_headings_are_none(text, lines):
    assert merge.markers(text) == lines


def test_the_closest_text_is_what_a_file_was_made_from():
    first, second = OLD, OLD.replace("two", "2").replace("six", "6")
    assert merge.closest(first, [second, first]) == first
    assert merge.closest(second.replace("one", "mine") + "mine\n", [first, second]) == second
    assert merge.closest(first + "mine\n", [first, second]) == first
    assert merge.closest("nothing alike\n", [first, second]) == second


TEXTS = st.lists(st.sampled_from(["a", "b", "", "\u2028", "x\ry", "-", "+ c"]), max_size=6)


@settings(max_examples=25)
@given(before=TEXTS, after=TEXTS, ends=st.tuples(st.booleans(), st.booleans()))
def test_a_diff_is_one_that_git_applies(before, after, ends, tmp_path_factory):
    old, new = (
        "\n".join(lines) + "\n" * end for lines, end in zip((before, after), ends, strict=True)
    )
    folder = tmp_path_factory.mktemp("diff")
    (folder / "a b.txt").write_bytes(old.encode())
    text = merge.diff(old, new, "a b.txt")
    assert bool(text) == (old != new)
    if text:
        (folder / "patch").write_bytes(text.encode())
        command = ["git", "apply", "--whitespace=nowarn", "patch"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr + text
        place = folder / "a b.txt"
        assert (place.read_bytes() if place.exists() else b"") == new.encode()
