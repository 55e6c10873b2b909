"""Names that work everywhere: as a folder, as a Python package, on every file system."""

import keyword
import re
import sys
import unicodedata

TITLE = re.compile(r"[A-Za-z][A-Za-z0-9 ._-]*")
PACKAGE = re.compile(r"[a-z][a-z0-9_]*")
LONGEST_TITLE = 64
LONGEST_PACKAGE = 32

# A project with one of these names would import itself instead of the package that it means.
_IMPORTED = """
    torch torchgen torchgen_cli torchvision torchaudio torchtext triton functorch sympy networkx
    numpy scipy sklearn skimage pandas pyarrow polars matplotlib mpl_toolkits pylab tqdm pil pillow
    cv2 timm transformers datasets einops lightning tensorboard tensorboardx wandb mlflow
    pytest pluggy ruff mypy hypothesis copier jinja2 yaml rich typer pip setuptools wheel hatchling
"""
DEPENDENCIES = frozenset(_IMPORTED.split())
# Folders of the project itself, of its runs and of its builds.
_FOLDERS = "configs data runs tests docs examples build dist venv env src lib"
FOLDERS = frozenset(_FOLDERS.split())
WINDOWS = frozenset(
    ["con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))]
)


def title_problem(title: str) -> str | None:
    """Why a project cannot be called this, as the end of a sentence; None where it can."""
    if not title.strip():
        return "it is empty"
    if not TITLE.fullmatch(title):
        return "it takes a letter first, then letters, digits, spaces and . _ -"
    if len(title) > LONGEST_TITLE:
        return f"it is longer than {LONGEST_TITLE} characters"
    if title[-1] in " .":
        return "it ends in a dot or a space, which Windows drops"
    if title.split(".")[0].strip().lower() in WINDOWS:
        return "Windows keeps this name for a device"
    return None


def package_problem(name: str) -> str | None:
    """Why a Python package cannot be called this, as the end of a sentence; None where it can."""
    if not name:
        return "it is empty"
    if not PACKAGE.fullmatch(name):
        return "it takes a lower-case letter first, then lower-case letters, digits and _"
    if len(name) > LONGEST_PACKAGE:
        return f"it is longer than {LONGEST_PACKAGE} characters"
    if keyword.iskeyword(name) or keyword.issoftkeyword(name) or name in {"none", "true", "false"}:
        return "it is a keyword of Python"
    if name in sys.stdlib_module_names or name == "test":
        return "it is a module of Python's standard library"
    if name in DEPENDENCIES:
        return "it is a package that projects import"
    if name in FOLDERS:
        return "it is a folder that projects have anyway"
    if name in WINDOWS:
        return "Windows keeps this name for a device"
    return None


def plain(text: str) -> str:
    """ASCII letters for accented ones: `naïve` -> `naive`."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def package_for(title: str) -> str:
    """The package of a project with this title: `Leaf-Classifier` -> `leaf_classifier`."""
    return re.sub(r"[^a-z0-9]+", "_", plain(title).lower()).strip("_")


def proposed_package(text: str) -> str:
    """A name near `text` that a package can have."""
    name = package_for(text).lstrip("0123456789_")[:LONGEST_PACKAGE].rstrip("_")
    if package_problem(name) is None:
        return name
    return f"{name[: LONGEST_PACKAGE - len('_project')]}_project" if name else "my_project"


def proposed_title(text: str) -> str:
    """A title near `text` that a project can have."""
    title = re.sub(r"[^A-Za-z0-9 ._-]+", "-", plain(text))[:LONGEST_TITLE]
    title = title.lstrip("0123456789 ._-").rstrip(" ._-")
    if title_problem(title) is None:
        return title
    return f"{title.split('.')[0].strip()}-project" if title else "my-project"
