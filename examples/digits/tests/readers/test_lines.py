import pytest

from digits.readers.lines import load_csv, load_jsonl


def written(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    "content",
    [
        "text,label\nbee,1\nant,2\n",
        "text;label\nbee;1\nant;2\n",
        "text\tlabel\nbee\t1\nant\t2",
        "\ufefftext,label\r\nbee,1\r\n\r\nant,2\r\n",
        'text, label\n"bee", 1\nant, 2\n',
    ],
    ids=["commas", "semicolons", "tabs", "byte order mark and CRLF", "spaces and quotes"],
)
def test_csv_of_every_dialect_is_the_same(tmp_path, content):
    columns, _ = load_csv(written(tmp_path / "a.csv", content))
    assert columns == {"text": ["bee", "ant"], "label": ["1", "2"]}


def test_line_of_a_row_is_where_it_ends_in_the_file(tmp_path):
    columns, lines = load_csv(written(tmp_path / "a.csv", 'text\n"two\nlines"\n\nlast\n'))
    assert columns["text"] == ["two\nlines", "last"]
    assert lines == [3, 5]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "a.csv is empty; its first line must name the columns"),
        ("a,b\n1,2\n3\n", "a.csv, line 3 has 1 cells, but the header has 2"),
        ("a,b\n1,2,3\n", "a.csv, line 2 has 3 cells, but the header has 2"),
        ("a,b,a\n1,2,3\n", "a.csv names a column twice: a, b, a"),
        (b"a\nf\xfcr\n", "a.csv, line 2 is not UTF-8; save the file as UTF-8"),
        ("a\n1\n".encode("utf-16"), "a.csv, line 1 is not UTF-8"),
        ('a\n"1" 2\n', "a.csv, line 2: "),
        ('a\n1\n"open\n', "a.csv, line 3: unexpected end of data"),
    ],
)
def test_broken_csv_is_told_with_its_line(tmp_path, content, sentence):
    with pytest.raises(ValueError, match=sentence):
        load_csv(written(tmp_path / "a.csv", content))


def test_jsonl_rows_are_those_of_the_csv(tmp_path):
    content = '{"text": "bee", "label": 1}\n\n{"label": null, "text": "né", "more": 0}\n'
    columns, lines = load_jsonl(written(tmp_path / "a.jsonl", content))
    assert columns == {"text": ["bee", "né"], "label": ["1", ""]}
    assert lines == [1, 3]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('{"a": 1}\n{"a": }\n', "a.jsonl, line 2 is no JSON: Expecting value"),
        ('{"a": 1}\n[1]\n', "a.jsonl, line 2 is no object such as"),
        ('{"a": 1}\n{"b": 1}\n', "a.jsonl, line 2 has no 'a', but the first line has one"),
        ('{"a": [1, 2]}\n', r"a.jsonl, line 1 holds \[1, 2\]; a cell is one text or one number"),
        (b'{"a": "\xff"}\n', "a.jsonl, line 1 is not UTF-8"),
    ],
)
def test_broken_jsonl_is_told_with_its_line(tmp_path, content, sentence):
    with pytest.raises(ValueError, match=sentence):
        load_jsonl(written(tmp_path / "a.jsonl", content))
