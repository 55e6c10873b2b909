"""The questions and the flags are two ways to the same answers."""

from pathlib import Path

import pytest

from torchgen_cli import terminal
from torchgen_cli.answers import complete
from torchgen_cli.errors import CancelledError, RequestError
from torchgen_cli.prompts import ask_missing, choices
from torchgen_cli.session import gathered, settled


class Scripted:
    """Gives the answers of a test, and the first choice to every other question."""

    def __init__(self, texts=None, picks=None, sure=True):
        self.texts, self.picks, self.sure = dict(texts or {}), dict(picks or {}), sure
        self.asked = []

    def text(self, question, default, problem):
        self.asked.append(question)
        answer = next(
            (text for start, text in self.texts.items() if question.startswith(start)), default
        )
        assert problem(answer) is None, problem(answer)
        return answer

    def select(self, question, choices):
        self.asked.append(question)
        pick = self.picks.get(question, choices[0].name)
        chosen = next(choice for choice in choices if choice.name == pick)
        assert chosen.refused is None, chosen.refused
        return pick

    def confirm(self, question):
        self.asked.append(question)
        return self.sure


def test_enter_all_the_way_gives_the_defaults(catalogue, work):
    ask = Scripted()
    target, answers = settled({}, None, catalogue, ask, defaults=False)
    assert answers == complete({"project": "my-project"}, catalogue)
    assert target == Path("my-project")


def test_questions_come_in_the_order_of_the_kinds(catalogue, work):
    ask = Scripted()
    settled({}, None, catalogue, ask, defaults=False)
    assert ask.asked == [
        "Name of the project",
        *[kind.question for kind in catalogue.asked],
        "Create my-project?",
    ]


FLAGS = {
    "task": "tabular_regression", "model": "mlp", "loss": "huber", "optimizer": "sgd",
    "scheduler": "constant", "precision": "fp32", "tracker": "board",
}  # fmt: skip


@pytest.mark.parametrize("given", [[], ["task"], ["loss"], ["tracker", "model"], list(FLAGS)])
def test_prompts_and_flags_give_the_same_answers(catalogue, work, given):
    picks = {kind.question: FLAGS[kind.kind] for kind in catalogue.asked}
    flags = {kind: FLAGS[kind] for kind in given}
    ask = Scripted({"Name of the project": "prices"}, picks)
    asked = settled(
        gathered("prices", flags, None, None, catalogue), "prices", catalogue, ask, False
    )
    typed = settled(
        gathered("prices", FLAGS, None, None, catalogue), "prices", catalogue, None, False
    )
    assert asked == typed


def test_only_what_is_missing_is_asked(catalogue, work):
    ask = Scripted()
    settled({"project": "leaf", **FLAGS}, "leaf", catalogue, ask, defaults=False)
    assert ask.asked == []


def test_what_does_not_fit_is_shown_with_the_reason_and_last(catalogue):
    offered = choices("loss", {"task": "tabular_regression"}, catalogue)
    assert [choice.name for choice in offered[:3]] == ["mse", "huber", "l1"]
    refused = {choice.name: choice.refused for choice in offered}
    assert refused["contrastive"] == "needs embeddings; tabular_regression predicts numbers"
    assert all(refused[choice.name] for choice in offered[3:])


def test_a_task_that_a_given_loss_does_not_fit_is_refused_too(catalogue):
    offered = choices("task", {"loss": "mse"}, catalogue)
    assert {choice.name: choice.refused for choice in offered} == {
        "tabular_regression": None,
        "image_classification": "mse needs numbers; image_classification predicts classes",
        "metric_learning": "mse needs numbers; metric_learning predicts embeddings",
    }


def test_a_taken_package_name_is_asked_for(catalogue, work):
    ask = Scripted({"Name of the project": "torch"})
    given = ask_missing({}, catalogue, ask)
    assert given["package"] == "torch_project"
    assert "it is a package that projects import" in ask.asked[1]


def test_a_bad_name_is_told_while_it_is_typed(catalogue, work):
    (work / "taken").write_text("mine")
    for title, why in (("1", "letter first"), ("taken", "taken is a file")):
        with pytest.raises(AssertionError, match=why):
            settled({}, None, catalogue, Scripted({"Name of the project": title}), False)


def test_a_dry_run_has_nothing_to_agree_to(catalogue, work):
    ask = Scripted()
    settled({}, "leaf", catalogue, ask, defaults=False, confirm=False)
    assert "Create leaf?" not in ask.asked


def test_a_bad_folder_is_refused_before_the_first_question(catalogue, work):
    (work / "leaf").write_text("mine")
    ask = Scripted()
    with pytest.raises(RequestError, match="leaf is a file"):
        settled({"project": "leaf"}, "leaf", catalogue, ask, defaults=False)
    assert ask.asked == []


def test_a_flag_wins_over_a_data_file_and_a_data_file_over_a_preset(catalogue, work):
    file = work / "answers.yml"
    file.write_text("project: Leaf 2\ntask: metric_learning\noptimizer: sgd\nmodel: mlp\n")
    flags = {"model": "cnn", "loss": None}
    assert gathered("leaf", flags, "regression", file, catalogue) == {
        "project": "Leaf 2",
        "task": "metric_learning",
        "optimizer": "sgd",
        "model": "cnn",
    }


def test_a_no_at_the_end_writes_nothing(catalogue, work):
    with pytest.raises(CancelledError, match="Nothing was written"):
        settled({}, "leaf", catalogue, Scripted({"Name": "leaf"}, sure=False), defaults=False)


def test_a_folder_that_holds_a_project_is_refused_before_the_first_question(
    torchgen, catalogue, work
):
    torchgen("new", "leaf", "-y", "--no-git")
    ask = Scripted()
    with pytest.raises(RequestError, match="leaf holds a project already"):
        settled({"project": "leaf"}, "leaf", catalogue, ask, defaults=False)
    assert ask.asked == []


@pytest.mark.parametrize("late", range(10))
def test_ctrl_c_at_any_question_writes_nothing(torchgen, work, monkeypatch, late):
    ask = Scripted()

    def interrupted(name):
        real = getattr(ask, name)

        def question(*arguments):
            if len(ask.asked) == late:
                raise KeyboardInterrupt
            return real(*arguments)

        return question

    for name in ("text", "select", "confirm"):
        monkeypatch.setattr(terminal.Terminal, name, lambda _, *a, name=name: interrupted(name)(*a))
    monkeypatch.setattr(terminal, "is_terminal", lambda: True)
    result = torchgen("new", "--no-git")
    questions = 9
    assert result.code == (130 if late < questions else 0)
    assert bool(list(work.iterdir())) == (late >= questions)
    assert "Interrupted; nothing was written." in result.err or late >= questions


def test_without_a_terminal_a_missing_answer_names_its_flag(torchgen, work):
    unsaid = torchgen("new", "leaf")
    assert unsaid.code == 2
    assert "--task NAME" in unsaid.err
    assert "-y for the default" in unsaid.err
    nameless = torchgen("new", "-y")
    assert nameless.code == 2
    assert "torchgen new my-project" in nameless.err
    assert torchgen("new", "leaf", "--task", "tabular_regression", "--no-git").code == 0
    assert torchgen("new", "leaf-2", "--preset", "images", "--no-git").code == 0
