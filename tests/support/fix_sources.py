"""Small sources with all that corrections can disturb: copies, shared faces, names that collide, splits."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from facedata.testing import FakeDetector, MarkedFace
from tests.support.marked_photos import write_marked
from tests.support.patch_faces import PatchDetector, write_patches

LEFT, RIGHT = (20, 30, 80, 110), (150, 60, 230, 170)
TWO: dict[str, Any] = {"splits": "train=0.5,test=0.5", "size": 32, "workers": 1}


@dataclass(frozen=True)
class Prepared:
    """How a source is prepared.

    Attributes:
        source: what ``prepare`` gets.
        options: its options.
    """

    source: Any
    options: dict[str, Any] = field(default_factory=dict)


def dirty_folder(folder: Path) -> Prepared:
    """People whose photos are copies of each other's, collide by name, or are no photos of theirs."""
    seed = 0
    for person, names in {
        "anna": "1.png 2.png 3.png 4.png", "ben": "1.png 2.PNG 2.png 5.png", "carla": "1.png 9.png",
        "Carla ": "1.png 7.png", "dora": "1.png", "emil": "a.png A.png con.png", "finn": "1.png 2.png",
    }.items():  # fmt: skip
        for name in names.split():
            seed += 1
            write_marked(folder / person / name, seed=seed)
    shutil.copy(folder / "anna/1.png", folder / "anna/copy.png")
    shutil.copy(folder / "anna/1.png", folder / "ben/also anna.png")
    shutil.copy(folder / "ben/5.png", folder / "carla/5.png")
    shutil.copy(folder / "dora/1.png", folder / "finn/dora.png")
    shutil.copy(folder / "finn/1.png", folder / "dora/1-again.png")
    write_marked(folder / "finn/nobody.png", seed=80, faces=())
    write_marked(folder / "finn/unsure.png", seed=81, faces=(MarkedFace((30, 20, 90, 100), 0.0, 0.5),))
    write_marked(folder / "stray.png", seed=82)
    (folder / "emil/broken.jpg").write_bytes(b"\xff\xd8\xff")
    (folder / "emil/clip.mp4").write_bytes(b"")
    (folder / "emil/notes.txt").write_text("not a photo")
    return Prepared(folder, {**TWO, "detector": FakeDetector, "reference": "*1*"})


def table(folder: Path) -> Prepared:
    """A table: several faces to a photo, rows that want one face, boxes or none, a split and more columns."""
    folder.mkdir(parents=True)
    lines, splits = ["path,identity,box,split,consent"], ("train", "test")
    for number in range(6):
        write_patches(folder / f"{number}.png", LEFT, RIGHT, shade=number)
        for person, box in (("abcdef"[number], LEFT), ("bcdefa"[number], RIGHT)):
            text = " ".join(map(str, box))
            lines.append(f"{number}.png,{person},{text},{splits['abcdef'.index(person) % 2]},{number % 2}")
    near = " ".join(str(value + 3) for value in LEFT)  # the same face as another row's
    lines += [f"0.png,c,{near},train,", f"1.png,b,{near},test,yes", "2.png,a,,train,"]
    write_patches(folder / "g.png", LEFT, shade=9)
    shutil.copy(folder / "g.png", folder / "h.png")
    lines += ["g.png,g,,train,", "h.png,g,,train,", "gone.png,a,,train,"]
    (folder / "faces.csv").write_text("\n".join(lines) + "\n")
    return Prepared(
        folder / "faces.csv", {**TWO, "detector": PatchDetector, "kind": "table", "split_by": "official"}
    )


def lfw(folder: Path) -> Prepared:
    """LFW's layout: official splits and pairs."""
    people = {"Ann": 3, "Bob": 2, "Cy": 2, "Di_O'Hara": 2, "Eve": 2, "Flo": 3}
    for seed, (person, count) in enumerate(people.items()):
        for number in range(1, count + 1):
            write_marked(folder / "lfw" / person / f"{person}_{number:04d}.jpg", seed=10 * seed + number)
    shutil.copy(folder / "lfw/Ann/Ann_0001.jpg", folder / "lfw/Cy/Cy_0002.jpg")
    texts = {
        "peopleDevTrain.txt": "3\nAnn\t3\nBob\t2\nEve\t2\n",
        "peopleDevTest.txt": "3\nCy\t2\nDi_O'Hara\t2\nFlo\t3\n",
        "pairsDevTrain.txt": "2\nAnn\t1\t3\nEve\t1\t2\nAnn\t2\tBob\t1\nBob\t2\tEve\t1\n",
        "pairsDevTest.txt": "2\nCy\t1\t2\nFlo\t1\t3\nCy\t1\tDi_O'Hara\t2\nFlo\t2\tCy\t2\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    return Prepared(folder, {**TWO, "detector": FakeDetector, "kind": "lfw"})


def celeba(folder: Path) -> Prepared:
    """CelebA's layout, as photographed: numbers for people, an official partition."""
    people, partition = [], []
    for number in range(1, 13):
        write_marked(folder / "img_celeba" / f"{number:06d}.jpg", seed=number)
        people.append(f"{number:06d}.jpg {2880 + number % 5}\n")
        partition.append(f"{number:06d}.jpg {number % 5 % 3}\n")
    shutil.copy(folder / "img_celeba/000001.jpg", folder / "img_celeba/000006.jpg")
    (folder / "identity_CelebA.txt").write_text("".join(people[:-1]))
    (folder / "list_eval_partition.txt").write_text("".join(partition))
    return Prepared(folder, {**TWO, "detector": FakeDetector, "kind": "celeba"})


SOURCES: dict[str, Callable[[Path], Prepared]] = {
    "folder": dirty_folder, "table": table, "lfw": lfw, "celeba": celeba,
}  # fmt: skip
