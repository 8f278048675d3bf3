"""The command line: every command is one call of one public function with one option dataclass.

Results go to stdout (``--json`` for machines), progress and logs to stderr. Exit status: 0 good, 1 the work
failed, 2 the command was used wrongly; 130 after Ctrl-C, as shells expect.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
from collections.abc import Sequence
from typing import Any

from facedata.errors import SourceError
from facedata.flags import add_command, add_options, options_of, print_result, run_command

from .commands.bar import Bar
from .commands.outputs import PARQUET
from .config import (
    EmbedConfig,
    EnrollConfig,
    EvaluateConfig,
    ExportConfig,
    FitConfig,
    IdentifyConfig,
    MineConfig,
)
from .recipes import list_recipes, load_recipe, read_fit_config

_EPILOG = """examples:
  facemodel recipes                                         what there is to start from
  facemodel fit faces --recipe default --out run            train
  facemodel evaluate run faces --out scores                 on people it has never seen
  facemodel enroll run people/ --out gallery.parquet        a folder per person
  facemodel identify run gallery.parquet photo.jpg          who is that?
  facemodel export run --to onnx --out model.onnx           ship it
"""
_MODEL = "a run's folder, or an ONNX file with its input spec (JSON) beside it"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status."""
    return run_command(_parser(), arguments, "facemodel")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="facemodel",
        description="Train, score and ship a face-embedding model from a set that `facedata prepare` made.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in (
        _add_recipes, _add_fit, _add_info, _add_embed, _add_evaluate, _add_enroll, _add_identify, _add_mine,
        _add_export,
    ):  # fmt: skip
        add(commands)
    return parser


def _add_recipes(commands: Any) -> None:
    parser = add_command(commands, "recipes", "list the recipes that fit starts from, or show one")
    parser.add_argument("recipe", nargs="?", metavar="NAME", help="show this recipe's file")
    parser.set_defaults(run=_recipes)


def _add_fit(commands: Any) -> None:
    parser = add_command(commands, "fit", "train a model on a prepared set; --resume goes on with it")
    parser.add_argument("set", metavar="SET", help="the set's folder or URL")
    parser.add_argument("--out", required=True, metavar="DIR", help="the run's folder")
    add_options(parser, FitConfig)
    parser.set_defaults(run=_fit)


def _add_info(commands: Any) -> None:
    parser = add_command(commands, "info", "say what a model is: layers, what trains, its input spec")
    parser.add_argument("model", metavar="MODEL", help=_MODEL)
    parser.set_defaults(run=_info)


def _add_embed(commands: Any) -> None:
    parser = add_command(commands, "embed", "write the embeddings of a set's crops to a Parquet file")
    parser.add_argument("model", metavar="MODEL", help=_MODEL)
    parser.add_argument("source", metavar="SOURCE", help="a set, a manifest (.parquet) or a folder of crops")
    parser.add_argument("--out", required=True, metavar="FILE.parquet", help="the file")
    add_options(parser, EmbedConfig)
    parser.set_defaults(run=_embed)


def _add_evaluate(commands: Any) -> None:
    parser = add_command(commands, "evaluate", "score a model on pairs and people it was not trained on")
    parser.add_argument("model", metavar="MODEL", help=_MODEL)
    parser.add_argument("set", metavar="SET", help="the set's folder or URL")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for tables and pictures")
    add_options(parser, EvaluateConfig)
    parser.set_defaults(run=_evaluate)


def _add_enroll(commands: Any) -> None:
    parser = add_command(commands, "enroll", "make a gallery of people from photos, a folder per person")
    parser.add_argument("model", metavar="MODEL", help=_MODEL)
    parser.add_argument("people", metavar="PEOPLE", help="the folder that holds a folder per person")
    parser.add_argument("--out", required=True, metavar="FILE.parquet", help="the gallery's file")
    add_options(parser, EnrollConfig)
    parser.set_defaults(run=_enroll)


def _add_identify(commands: Any) -> None:
    parser = add_command(commands, "identify", "name every face in photos, or say that it is unknown")
    parser.add_argument("model", metavar="MODEL", help=_MODEL)
    parser.add_argument(
        "photos",
        nargs="+",
        metavar="[GALLERY.parquet] PHOTO",
        help="the gallery (a classifier needs none), then photos or folders of them",
    )
    add_options(parser, IdentifyConfig)
    parser.set_defaults(run=_identify)


def _add_mine(commands: Any) -> None:
    parser = add_command(commands, "mine", "write triplets whose negatives the model takes for the anchor")
    parser.add_argument("model", metavar="MODEL", help=_MODEL)
    parser.add_argument("set", metavar="SET", help="the set's folder or URL")
    parser.add_argument("--out", required=True, metavar="FILE.parquet", help="the file, for fit --triplets")
    add_options(parser, MineConfig)
    parser.set_defaults(run=_mine)


def _add_export(commands: Any) -> None:
    parser = add_command(commands, "export", "write a model for use elsewhere, and compare the two")
    parser.add_argument("model", metavar="MODEL", help="a run's folder")
    parser.add_argument("--out", required=True, metavar="FILE", help="the file; its spec goes beside it")
    add_options(parser, ExportConfig)
    parser.set_defaults(run=_export)


def _recipes(parsed: argparse.Namespace) -> None:
    if parsed.recipe is not None:
        recipe = load_recipe(parsed.recipe)
        values = {name: getattr(recipe.config, name) for name in recipe.given}
        print_result(parsed, values, recipe.text.rstrip("\n").split("\n"))
        return
    recipes = list_recipes()
    width = max(len(recipe.name) for recipe in recipes)
    rows = [{"name": recipe.name, "summary": recipe.summary} for recipe in recipes]
    print_result(parsed, rows, [f"{recipe.name:<{width}}  {recipe.summary}" for recipe in recipes])


def _fit(parsed: argparse.Namespace) -> None:
    from . import fit
    from .commands.summary import fit_lines

    names = set(FitConfig.__dataclass_fields__)
    typed = {name: value for name, value in vars(parsed).items() if name in names}
    config = read_fit_config(parsed.config, **typed)
    with Bar("step") as bar:
        result = fit(parsed.set, parsed.out, config, on_progress=bar.show_fit)
    if os.environ.get("RANK", "0") == "0":  # torchrun's others trained the same
        print_result(parsed, dataclasses.asdict(result), fit_lines(result))


def _info(parsed: argparse.Namespace) -> None:
    from . import model_info
    from .commands.info import info_lines

    values = model_info(parsed.model)
    print_result(parsed, values, info_lines(values))


def _embed(parsed: argparse.Namespace) -> None:
    from . import embed_set
    from .commands.summary import embed_lines

    config = options_of(parsed, EmbedConfig)
    with Bar("crop") as bar:
        done = embed_set(parsed.model, parsed.source, parsed.out, config, on_progress=bar.show)
    print_result(parsed, done, embed_lines(done))


def _evaluate(parsed: argparse.Namespace) -> None:
    from . import evaluate
    from .scoring.report import score_table

    config = options_of(parsed, EvaluateConfig)
    with Bar("crop") as bar:
        scores = evaluate(parsed.model, parsed.set, parsed.out, config, on_progress=bar.show)
    print_result(parsed, scores, [*score_table(scores), f"scores in {parsed.out}"])


def _enroll(parsed: argparse.Namespace) -> None:
    from . import enroll
    from .commands.summary import gallery_lines, gallery_values

    config = options_of(parsed, EnrollConfig)
    with Bar("photo") as bar:
        gallery = enroll(parsed.model, parsed.people, parsed.out, config, on_progress=bar.show)
    print_result(parsed, gallery_values(gallery, parsed.out), gallery_lines(gallery, parsed.out))


def _identify(parsed: argparse.Namespace) -> None:
    from . import identify
    from .commands.summary import identified_lines

    first, *others = parsed.photos
    gallery, photos = (first, others) if first.endswith(PARQUET) else (None, parsed.photos)
    config = options_of(parsed, IdentifyConfig)
    with Bar("photo") as bar:
        found = identify(parsed.model, gallery, photos, config, on_progress=bar.show)
    print_result(parsed, found.to_json(), identified_lines(found))
    if found.unreadable:
        raise SourceError(f"{found.unreadable:,} of {len(found.photos):,} photos could not be read")


def _mine(parsed: argparse.Namespace) -> None:
    from . import mine
    from .commands.summary import mined_lines

    config = options_of(parsed, MineConfig)
    with Bar("crop") as bar:
        mined = mine(parsed.model, parsed.set, parsed.out, config, on_progress=bar.show)
    print_result(parsed, mined, mined_lines(mined, parsed.out))


def _export(parsed: argparse.Namespace) -> None:
    from . import export_model
    from .commands.export import export_lines

    done = export_model(parsed.model, parsed.out, options_of(parsed, ExportConfig))
    print_result(parsed, done, export_lines(done))
