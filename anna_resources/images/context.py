"""A build context: a folder with all that an image is built from, so that a machine without an index can build it."""

import shutil
import sys
from pathlib import Path

import anna_core
from anna_resources.images.bill import bill_of_materials
from anna_resources.images.requirements import Pinned, fetch

CONTAINERFILE = "Containerfile"


def python_version() -> str:
    """The Python that the packages are for, such as 3.11."""
    return "{}.{}".format(*sys.version_info)


def write_context(folder: Path, model: Path, code: str, tag: str, model_version: str) -> list[Pinned]:
    """Fill an empty folder with the context of an image.

    Args:
        folder: the folder.
        model: folder of the launch's model.
        code: version of ANNA.
        tag: of the launch.
        model_version: digest of its metamodel.

    Returns:
        The packages that are in it.

    Raises:
        RequirementsError: they cannot be fetched.
    """
    wheels = folder / "wheels"
    wheels.mkdir()
    packages = fetch(wheels)
    shutil.copyfile(Path(__file__).with_name(CONTAINERFILE), folder / CONTAINERFILE)
    (folder / "requirements.txt").write_text("".join(f"{one.line}\n" for one in packages), encoding="utf-8")
    bill = bill_of_materials(packages, code, tag, model_version)
    (folder / "bill-of-materials.json").write_text(bill, encoding="utf-8")
    ours = Path(anna_core.__file__).parent
    shutil.copytree(ours, folder / "app" / ours.name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(model, folder / "model")
    for place in folder.rglob("*"):  # whoever runs the image reads them, and only that
        place.chmod(0o755 if place.is_dir() else 0o644)
    return packages
