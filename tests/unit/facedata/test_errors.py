"""A missing extra comes with the command that adds it to this installation."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path

import pytest

from facedata.errors import install_command


@pytest.fixture
def installed_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """Return a function that makes a real installation record, as pip writes it (PEP 610), and shows it."""

    def record(origin: object) -> None:
        folder = tmp_path / "site" / "facedata-0.1.0.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: facedata\nVersion: 0.1.0\n")
        if origin is not None:
            (folder / "direct_url.json").write_text(origin if isinstance(origin, str) else json.dumps(origin))
        monkeypatch.setattr(metadata, "distribution", lambda name: metadata.Distribution.at(folder))

    return record


@pytest.mark.parametrize(
    ("origin", "command"),
    [
        (None, "pip install 'facedata[export]'"),
        ("not JSON", "pip install 'facedata[export]'"),
        ({"url": "file:///my%20work", "dir_info": {}}, "pip install '/my work[export]'"),
        (
            {"url": "file:///work", "dir_info": {"editable": True}},
            "pip install --editable '/work[export]'",
        ),
        (
            {"url": "https://host/facedata.git", "vcs_info": {"vcs": "git", "commit_id": "1" * 40}},
            "pip install 'facedata[export] @ git+https://host/facedata.git'",
        ),
        (
            {"url": "file:///down/facedata-0.1.0.whl", "archive_info": {}},
            "pip install 'facedata[export] @ file:///down/facedata-0.1.0.whl'",
        ),
    ],
)
def test_it_fits_the_installation(origin: object, command: str, installed_from: object) -> None:
    assert callable(installed_from)
    installed_from(origin)
    assert install_command("export") == command


def test_in_a_checkout_it_names_the_folder_one_is_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed_from: object
) -> None:
    assert callable(installed_from)
    installed_from({"url": tmp_path.as_uri(), "dir_info": {"editable": True}})
    monkeypatch.chdir(tmp_path)
    assert install_command("train") == "pip install --editable '.[train]'"


def test_an_uninstalled_package_is_named_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> metadata.Distribution:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", missing)
    assert install_command("train") == "pip install 'facedata[train]'"
