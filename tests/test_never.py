"""What no generated file may contain, by practice of docs/practices.md: mistakes that are seen in the code better than in a run."""

import ast
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from everything import everything

ROOT = Path(__file__).parent.parent


FILES = {
    path: text
    for path, text in everything().items()
    if path.endswith(".py") and not path.startswith("tests/")
}
TREES = {path: ast.parse(text) for path, text in FILES.items()}


def calls(
    name: str, *, without: str = "", but_in: str | tuple[str, ...] = "-"
) -> Callable[[ast.AST, str], bool]:
    """A call of a function or method whose dotted name matches, without a keyword, outside some files."""

    def found(node: ast.AST, path: str) -> bool:
        if not isinstance(node, ast.Call) or path.endswith(but_in):
            return False
        given = {keyword.arg for keyword in node.keywords}
        return bool(re.fullmatch(name, ast.unparse(node.func))) and without not in given

    return found


def reads(attribute: str) -> Callable[[ast.AST, str], bool]:
    return lambda node, path: isinstance(node, ast.Attribute) and node.attr == attribute


def matches(pattern: str, kind: type[ast.AST] = ast.Call) -> Callable[[ast.AST, str], bool]:
    return lambda node, path: isinstance(node, kind) and bool(re.search(pattern, ast.unparse(node)))


def prints_in_forward(node: ast.AST, path: str) -> bool:
    return (
        isinstance(node, ast.FunctionDef)
        and node.name == "forward"
        and any(calls("print")(inner, path) for inner in ast.walk(node))
    )


def loses_what_it_moved(node: ast.AST, path: str) -> bool:
    """A tensor that is moved is a new one; a module moves itself."""
    return isinstance(node, ast.Expr) and bool(
        re.match(r"(?!model\b)[\w.]+\.to\(", ast.unparse(node))
    )


def steps_under_autocast(node: ast.AST, path: str) -> bool:
    return (
        isinstance(node, ast.With)
        and "autocast()" in ast.unparse(node.items[0])
        and any(calls(r".*\.(backward|step)")(inner, path) for inner in ast.walk(node))
    )


# practice: what would break it, and how it is seen
NEVER: dict[str, tuple[str, Callable[[ast.AST, str], bool]]] = {
    "P009": ("model.half()", calls(r".*\.(half|bfloat16)")),
    "P012": ("x.to('cuda')", matches(r"\.cuda\(\)|(\.to|torch\.device)\('cuda")),
    "P013": ("x.to(device)", loses_what_it_moved),
    "P018": ("x.reshape(-1).clamp_(0)", calls(r".*\.(reshape|view)\(.*\)\.\w+[^_]_")),
    "P021": ("x.squeeze()", matches(r"\.squeeze\(\)")),
    "P032": ("loss.backward(retain_graph=True)", matches(r"retain_graph")),
    "P036": ("x.retain_grad()", calls(r".*\.retain_grad", but_in="/debug.py")),
    "P041": ("weight.data = x", reads("data")),
    "P044": ("torch.inference_mode()", calls(r"torch\.inference_mode", but_in="/predict.py")),
    "P050": ("model.forward(x)", calls(r"(?!super\(\)).*\.forward")),
    "P065": ("nn.LSTM(3, 4)", calls(r"nn\.(LSTM|GRU|MultiheadAttention)", without="batch_first")),
    "P068": ("F.dropout(x, 0.5)", calls(r"F\.dropout\w*")),
    "P090": ("weight.mul_(1 - lr * decay)", matches(r"\.mul_\(1 - ")),
    "P103": ("nn.AdaptiveAvgPool2d((4, 4))", calls(r"nn\.AdaptiveAvgPool\dd")),
    "P110": ("nn.TransformerEncoder(layer, 3)", calls(r"nn\.TransformerEncoder")),
    "P118": ("torch.save(model, path)", calls(r"torch\.save", but_in="/storage.py")),
    "P121": ("torch.load(path)", calls(r"torch\.load", without="weights_only")),
    "P123": ("torch.load(path, weights_only=True)", calls(r"torch\.load", without="map_location")),
    "P128": ("def forward(self, x):\n    print(x.shape)", prints_in_forward),
    "P133": (
        "torch.autograd.set_detect_anomaly(True)",
        calls(r"torch\.autograd\.\w*detect_anomaly", but_in=("/debug.py", "/replay.py")),
    ),
    "P135": ("torch.log(p + 1e-8)", matches(r"log\([^()]*\+ ?1e-|[^()]\+ ?1e-\d+\)\.log\(")),
    "P139": ("torch.cuda.amp.GradScaler()", matches(r"cuda\.amp", ast.Attribute)),
    "P143": ("with precision.autocast():\n    loss.backward()", steps_under_autocast),
    "P150": ("F.nll_loss(x.softmax(1), y)", matches(r"nll_loss\(.*(?<!log_)softmax\(")),
    "O22": ("cudnn.allow_tf32 = True", matches(r"allow_tf32|set_float32_matmul", ast.AST)),
    "O28": ("torch.jit.script(model)", matches(r"torch\.jit\.")),
}


@pytest.mark.parametrize("practice", NEVER)
def test_no_file_does_it(practice):
    wrong, seen = NEVER[practice]
    found = [
        f"{path}, line {node.lineno}: {ast.unparse(node).splitlines()[0]}"
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if seen(node, path)
    ]
    assert not found, f"never: {wrong}"


@pytest.mark.parametrize("practice", NEVER)
def test_it_would_be_seen(practice):
    wrong, seen = NEVER[practice]
    assert any(seen(node, "sample/train.py") for node in ast.walk(ast.parse(wrong)))


# practice: words of a claim that is wrong, or that nobody measured
CLAIMS = {
    "P001": r"NumPy (runs|arrays live|works) on (a |the )?GPUs?",
    "P002": r"array with two extra",
    "P010": r"(hundreds|thousands) of times (faster|slower)",
    "P063": r"no dead.neuron|never dies",
    "P087": r"(running|moving) average of (past|the) gradients",
    "P088": r"adapts to (the )?curvature",
    "P089": r"large(r)? (parameters|weights) get .{0,20}less decay",
    "P132": r"weights are all NaN",
}


@pytest.mark.parametrize("practice", CLAIMS)
def test_no_text_claims_it(practice):
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("templates/**/*.md*")]
    pages += ROOT.glob("templates/**/*.yml")
    texts = {str(page): page.read_text(encoding="utf-8") for page in pages} | FILES
    claim = re.compile(CLAIMS[practice], re.IGNORECASE)
    assert [path for path, text in texts.items() if claim.search(" ".join(text.split()))] == []
