"""The run folder: who may work in it, and what is refused."""

from __future__ import annotations

import dataclasses
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from facedata.errors import StoreError
from facedata.files.atomic import write_text
from facedata.pages.card import render_card, write_card
from facedata.sets.prepared import PreparedSet
from facemodel.config import FitConfig
from facemodel.errors import NewerVersionError, RunError
from facemodel.machine.ranks import Ranks
from facemodel.models.header import STATE
from facemodel.training import run_folder
from facemodel.training.run_folder import RunFolder, open_run_folder
from tests.support.fit_files import read_fit_config
from tests.support.small_set import make_set


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    return make_set(tmp_path_factory.mktemp("set"), {"a": 2, "b": 2, "c": 2, "d": 2})


def begin(out: Path, prepared: PreparedSet, **options: Any) -> RunFolder:
    with open_run_folder(out, FitConfig(**options), prepared, Ranks()) as run:
        run.begin()
        return dataclasses.replace(run, resumes=True)


def test_a_new_run_has_its_config_as_run(tmp_path: Path, prepared: PreparedSet) -> None:
    run = begin(tmp_path / "deep" / "run", prepared, epochs=3)
    assert "epochs = 3" in (run.path / "config.toml").read_text()
    assert run.done is None
    run.finish({"epochs": 3, "lines": []})
    assert run.done == {"epochs": 3, "lines": []}


def test_a_run_is_not_written_over_unasked(tmp_path: Path, prepared: PreparedSet) -> None:
    run = begin(tmp_path / "run", prepared)
    begin(tmp_path / "run", prepared, epochs=7)  # it has come to nothing yet, so nothing is lost
    assert "epochs = 7" in (tmp_path / "run" / "config.toml").read_text()
    (run.state / "000000000000.safetensors").write_bytes(b"")
    with pytest.raises(RunError, match="holds an unfinished run: resume it with --resume"):
        begin(tmp_path / "run", prepared)
    run.finish({"lines": []})
    with pytest.raises(RunError, match="holds a finished run"):
        begin(tmp_path / "run", prepared)
    begin(tmp_path / "run", prepared, epochs=7, resume=True)


def test_overwrite_removes_the_run_and_nothing_else(tmp_path: Path, prepared: PreparedSet) -> None:
    run = begin(tmp_path / "run", prepared)
    for name in ("best.safetensors", "history.csv", "notes.txt", f"{STATE}/000000000001.safetensors"):
        (run.path / name).write_text("old")
    (tmp_path / "template.md").write_text("a card")
    write_card(run.path / "README.md", render_card(tmp_path / "template.md", {}))
    (run.path / "README.new.md").write_text("somebody has written in it")
    begin(tmp_path / "run", prepared, overwrite=True, epochs=9)
    names = {file.name for file in (tmp_path / "run").rglob("*") if file.is_file()}
    assert names == {"config.toml", "settings.json", "notes.txt", "README.new.md"}
    assert "epochs = 9" in (run.path / "config.toml").read_text()


def test_an_older_run_is_there_until_the_new_one_begins(tmp_path: Path, prepared: PreparedSet) -> None:
    """It may yet be that there are no such weights, no such backbone, no such people."""
    state = begin(tmp_path / "run", prepared).state
    (state / "000000000009.safetensors").write_text("old")
    (state.parent / "best.safetensors").write_text("old")
    with open_run_folder(tmp_path / "run", FitConfig(overwrite=True, lr=0.5), prepared, Ranks()) as run:
        assert not run.resumes
        assert (state.parent / "best.safetensors").read_text() == "old"
    begin(tmp_path / "run", prepared, resume=True)  # and it can be resumed
    with open_run_folder(tmp_path / "run", FitConfig(overwrite=True, lr=0.5), prepared, Ranks()) as run:
        run.begin()
    assert [file.name for file in state.iterdir()] == ["settings.json"]
    assert not (state.parent / "best.safetensors").exists()


def test_what_another_set_left_is_not_taken_for_this_runs(tmp_path: Path, prepared: PreparedSet) -> None:
    run = begin(tmp_path / "run", prepared)
    (run.path / "validation.parquet").write_text("of a run that was killed before its first checkpoint")
    begin(tmp_path / "run", make_set(tmp_path / "set", {"a": 3, "b": 3}))
    assert not (run.path / "validation.parquet").exists()


def test_an_overwrite_that_is_killed_is_never_gone_on_with_as_the_other_run(
    tmp_path: Path, prepared: PreparedSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = begin(tmp_path / "run", prepared, lr=0.1).state
    for name in ("000000000009.safetensors", "000000000008.safetensors", "done.json"):
        (state / name).write_text("{}")
    removed: list[str] = []
    unlink = Path.unlink

    def killed(self: Path, missing_ok: bool = False) -> None:
        if len(removed) == 2:
            raise KeyboardInterrupt
        removed.append(self.name)
        unlink(self, missing_ok)

    monkeypatch.setattr(Path, "unlink", killed)
    with pytest.raises(KeyboardInterrupt):
        begin(tmp_path / "run", prepared, lr=0.2, overwrite=True)
    monkeypatch.undo()
    assert len(removed) == 2
    with pytest.raises(RunError, match=r"lr: 0\.1 before, 0\.2 now"):
        begin(tmp_path / "run", prepared, lr=0.2, resume=True)


def test_what_killed_writing_left_is_swept(tmp_path: Path, prepared: PreparedSet) -> None:
    run = begin(tmp_path / "run", prepared)
    (run.state / "000000000009.safetensors").write_text("old")
    lost = [
        run.state / ".tmpX9wQ2c",
        run.state / ".000000000010.safetensors.tmp",
        run.path / ".spec.json.tmp",
    ]
    for file in lost:
        file.write_text("half")
    begin(tmp_path / "run", prepared, resume=True)
    assert not any(file.exists() for file in lost)
    assert (run.state / "000000000009.safetensors").exists()


def test_a_folder_of_somebody_elses_state_is_not_free(tmp_path: Path, prepared: PreparedSet) -> None:
    (tmp_path / "run" / STATE).mkdir(parents=True)
    begin(tmp_path / "run", prepared)  # killed before it wrote anything
    theirs = tmp_path / "other" / STATE / "7.safetensors"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("precious")
    for options in ({}, {"overwrite": True}, {"resume": True}):
        with pytest.raises(RunError, match="holds something other"):
            begin(tmp_path / "other", prepared, **options)
    assert theirs.read_text() == "precious"


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"version": "x"}', '{"version": null, "set": "a", "settings": {}}',
     '{"version": 1, "set": "a", "settings": null}', '{"version": 1, "settings": {}}'],
)  # fmt: skip
def test_a_mark_that_says_nothing_is_refused(tmp_path: Path, prepared: PreparedSet, text: str) -> None:
    run = begin(tmp_path / "run", prepared)
    (run.state / "000000000009.safetensors").write_text("old")
    (run.state / "settings.json").write_text(text)
    with pytest.raises(RunError, match=r"settings.json cannot be read: start over with --overwrite"):
        begin(tmp_path / "run", prepared, resume=True)


@pytest.mark.parametrize("text", ["", "{}", '{"path": 1}', '{"lines": null}', "[1]"])
def test_what_a_finished_run_came_to_must_say_so(tmp_path: Path, prepared: PreparedSet, text: str) -> None:
    run = begin(tmp_path / "run", prepared)
    (run.state / "done.json").write_text(text)
    assert run.done is None


def test_a_run_killed_between_its_first_two_files_is_gone_on_with(
    tmp_path: Path, prepared: PreparedSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def once(path: Path, text: str) -> None:
        monkeypatch.undo()
        write_text(path, text)
        monkeypatch.setattr(run_folder, "write_text", never)

    def never(path: Path, text: str) -> None:
        raise Killed

    monkeypatch.setattr(run_folder, "write_text", once)
    with pytest.raises(Killed):
        begin(tmp_path / "run", prepared, epochs=3)
    monkeypatch.undo()
    begin(tmp_path / "run", prepared, epochs=3, resume=True)
    assert "epochs = 3" in (tmp_path / "run" / "config.toml").read_text()


def test_the_config_as_run_goes_on_and_never_overwrites(tmp_path: Path, prepared: PreparedSet) -> None:
    begin(tmp_path / "run", prepared, overwrite=True)
    config = read_fit_config(tmp_path / "run" / "config.toml", resume=True)
    assert (config.resume, config.overwrite) == (True, False)
    with open_run_folder(tmp_path / "run", config, prepared, Ranks()):
        pass


def test_a_folder_with_something_else_is_refused(tmp_path: Path, prepared: PreparedSet) -> None:
    (tmp_path / "photo.jpg").write_text("precious")
    for options in ({}, {"overwrite": True}, {"resume": True}):
        with pytest.raises(RunError, match="holds something other"):
            begin(tmp_path, prepared, **options)
    assert [file.name for file in tmp_path.iterdir()] == ["photo.jpg"]


def test_other_settings_are_named(tmp_path: Path, prepared: PreparedSet) -> None:
    begin(tmp_path / "run", prepared, lr=0.1, epochs=3)
    with pytest.raises(RunError) as caught:
        begin(tmp_path / "run", prepared, lr=0.2, epochs=4, resume=True)
    assert "epochs: 3 before, 4 now, lr: 0.1 before, 0.2 now" in str(caught.value)
    begin(tmp_path / "run", prepared, lr=0.1, epochs=3, resume=True, workers=3, save_steps=5)


def test_another_set_is_refused(tmp_path: Path, prepared: PreparedSet) -> None:
    begin(tmp_path / "run", prepared)
    other = make_set(tmp_path / "set", {"a": 3, "b": 3})
    with pytest.raises(RunError, match="trains on the set"):
        begin(tmp_path / "run", other, resume=True)


def test_a_run_of_a_later_version_is_refused(tmp_path: Path, prepared: PreparedSet) -> None:
    begin(tmp_path / "run", prepared)
    file = tmp_path / "run" / STATE / "settings.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "version": 2}))
    with pytest.raises(NewerVersionError, match="format 2; this one knows 1"):
        begin(tmp_path / "run", prepared, resume=True)


def test_resume_where_nothing_is(
    tmp_path: Path, prepared: PreparedSet, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(RunError, match=r"no run .* to resume"):
        begin(tmp_path / "run", prepared, resume=True)
    (tmp_path / "run").mkdir()  # killed before it wrote anything
    with caplog.at_level(logging.INFO):
        begin(tmp_path / "run", prepared, resume=True)
        begin(tmp_path / "run", prepared, resume=True)
    assert caplog.text.count("holds nothing to resume yet: starting the run") == 2


def test_two_runs_on_one_folder_the_second_is_refused(tmp_path: Path, prepared: PreparedSet) -> None:
    with (
        open_run_folder(tmp_path / "run", FitConfig(), prepared, Ranks()),
        pytest.raises(RunError, match="another run is working on"),
    ):
        begin(tmp_path / "run", prepared, resume=True)
    begin(tmp_path / "run", prepared, resume=True)


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path, prepared: PreparedSet) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot make the folder"):
        begin(tmp_path / "file" / "run", prepared)
