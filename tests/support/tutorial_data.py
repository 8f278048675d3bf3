"""What a reader of each tutorial has: real photos, a few of each kind, laid out as the tutorial says."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.support.shared_data import SHARED

_DATA = SHARED / "data"
_LFW = _DATA / "lfw" / "lfw-deepfunneled"


def _link(photo: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(photo)


def _lfw_people(least: int, count: int) -> list[Path]:
    """Return the first people of LFW who have so many photos here."""
    found = (folder for folder in sorted(_LFW.iterdir()) if len(list(folder.iterdir())) >= least)
    return [folder for folder, _ in zip(found, range(count), strict=False)]


def _lay_out_celeba(folder: Path) -> None:
    """Four official training people and three test people of CelebA, three photos each; more are listed."""
    celeba = _DATA / "celeba"
    split = dict(line.split() for line in _lines(celeba / "list_eval_partition.txt"))
    person = dict(line.split() for line in _lines(celeba / "identity_CelebA.txt"))
    taken: Counter[str] = Counter()
    people: dict[str, set[str]] = {"0": set(), "2": set()}
    listed = sorted(person)[:2000]
    for photo in sorted((celeba / "img_celeba").iterdir()):
        name, part = person[photo.name], split[photo.name]
        room = {"0": 4, "2": 3}.get(part, 0)
        if taken[name] < 3 and (name in people.get(part, ()) or len(people.get(part, ())) < room):
            people[part].add(name)
            taken[name] += 1
            listed.append(photo.name)
            _link(photo, folder / "celeba" / "img_celeba" / photo.name)
    for name, cells in {"identity_CelebA.txt": person, "list_eval_partition.txt": split}.items():
        rows = [f"{photo} {cells[photo]}\n" for photo in sorted(set(listed))]
        (folder / "celeba" / name).write_text("".join(rows), encoding="utf-8")


def _lines(file: Path) -> Iterable[str]:
    return filter(None, file.read_text(encoding="utf-8").splitlines())


def _lay_out_passports(folder: Path) -> None:
    """Two groups of five people of LFW, whose first photo plays the passport photo."""
    for number, person in enumerate(_lfw_people(4, 10)):
        for photo in sorted(person.iterdir())[:4]:
            name = "passport-script.jpg" if photo.stem.endswith("0001") else photo.name
            _link(photo, folder / "trainset" / f"group-{number % 2 + 1}" / person.name / name)


def _lay_out_actors(folder: Path) -> None:
    """The five actors, with all their photos, of which two are there twice."""
    for person in (_DATA / "five_celebs" / "train").iterdir():
        for photo in sorted(person.iterdir()):
            _link(photo, folder / "actors" / person.name / photo.name)


def _lay_out_lfw_and_mine(folder: Path) -> None:
    """Eight people of LFW, and two more folders as one's own."""
    for number, person in enumerate(_lfw_people(7, 10)):
        for photo in sorted(person.iterdir())[:7]:
            root = folder / ("mine" if number > 7 else "lfw")
            _link(photo, root / person.name / photo.name)


def _lay_out_table(folder: Path) -> None:
    """Six people of LFW and a table of their faces' boxes, which lie about the middle of every photo."""
    with (folder / "boxes.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["image_path", "person_name", "bbox", "split_type", "label"])
        for label, person in enumerate(_lfw_people(5, 6)):
            for number, photo in enumerate(sorted(person.iterdir())[:5]):
                _link(photo, folder / "photos" / person.name / photo.name)
                split = "test" if number > 2 else "train"
                row = [f"{person.name}/{photo.name}", person.name, "[80,75,172,185]", split, label]
                table.writerow(row)


LAY_OUT: dict[str, Callable[[Path], None]] = {
    "celeba-triplets": _lay_out_celeba,
    "passport-photos": _lay_out_passports,
    "five-actors": _lay_out_actors,
    "lfw-classifier": _lay_out_lfw_and_mine,
    "lfw-to-a-phone": _lay_out_table,
}
"""By the name of a tutorial's page: writes what it starts from into a folder."""
