"""The command line: every command is one call of one public function with one option dataclass.

Results go to stdout (``--json`` for machines), progress and logs to stderr. Exit status: 0 success, 1 failure
of the work, 2 wrong usage, 130 Ctrl-C, as shells expect. A command's function is imported when it runs
(``facemodel`` imports its names on first use), so ``facemodel --help`` is quick.
"""

from __future__ import annotations

import dataclasses
import os
from argparse import Namespace
from collections.abc import Sequence

import facemodel
from facedata.errors import SourceError
from facedata.flags import (
    argument,
    command,
    command_group,
    make_parser,
    options_of,
    print_result,
    run_command,
    typed_options,
)
from facedata.options import read_toml

from . import config as options
from .bar import Bar
from .errors import Interrupted
from .recipes import fit_config, list_recipes, load_recipe, name_start, take_out

parser, commands = make_parser(
    "facemodel",
    "Train, score and ship a face-embedding model from a set that `facedata prepare` made.",
    """examples:
  facemodel recipes                                         the recipes to start from
  facemodel weights list                                    the models that are ready to use
  facemodel fit faces --recipe default --out run            train
  facemodel evaluate run faces --out scores                 on people it has never seen
  facemodel compare run-a run-b                             which of them is better, and is that chance?
  facemodel check run faces                                 wrong names, people under two names
  facemodel enroll run people/ --out gallery.parquet        from one folder per person
  facemodel identify run gallery.parquet photo.jpg          who is in this photo?
  facemodel export run --to onnx --out model.onnx           for use elsewhere
""",
)
_MODEL = argument(
    "model",
    "MODEL",
    "a ready model's name (sface …), a run's folder, or an ONNX file with its input spec (JSON) beside it",
)
_SET = argument("set", "SET", "the set's folder or URL")
_CACHE = argument("--cache", "DIR", "cache folder (default: ~/.cache/facedata)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status."""
    return run_command(parser, arguments)


@command(
    commands,
    "recipes",
    "list the recipes that fit can start from, or show one",
    argument("recipe", "NAME", "show this recipe's file", nargs="?"),
)
def _recipes(parsed: Namespace) -> None:
    if parsed.recipe is not None:
        recipe = load_recipe(parsed.recipe)
        values = {name: getattr(recipe.config, name) for name in recipe.given}
        print_result(parsed, values, recipe.text.rstrip("\n").split("\n"))
        return
    recipes = list_recipes()
    width = max(len(recipe.name) for recipe in recipes)
    rows = [{"name": recipe.name, "summary": recipe.summary} for recipe in recipes]
    print_result(parsed, rows, [f"{recipe.name:<{width}}  {recipe.summary}" for recipe in recipes])


@command(
    commands,
    "fit",
    "train a model on a prepared set; --resume continues an interrupted run",
    _SET,
    argument("--out", "DIR", "the run's folder", required=True),
    options=options.FitConfig,
)
def _fit(parsed: Namespace) -> None:
    from .commands.summary import fit_lines, stopped_line

    file = read_toml(parsed.config) if parsed.config else {}
    typed = typed_options(parsed, options.FitConfig)
    if isinstance(file.get("adapt"), str):
        file["adapt"] = take_out(file["adapt"], typed)
    given = {**file, **typed}  # --resume keeps what is not given
    config = fit_config(given)
    try:
        with Bar("step") as bar:
            result = facemodel.fit(parsed.set, parsed.out, on_progress=bar.show_fit, **given)
    except Interrupted as stop:
        raise KeyboardInterrupt(stopped_line(stop, parsed.typed, config)) from None
    if os.environ.get("RANK", "0") == "0":  # torchrun's other processes trained the same model
        print_result(parsed, dataclasses.asdict(result), fit_lines(result))


commands.choices["fit"].write_in_full = name_start


@command(
    commands,
    "info",
    "show a model's layers, which of them train, and its input spec",
    _MODEL,
    argument("--weights", "PATH", "a file with the ready model's weights (default: downloaded once)"),
)
def _info(parsed: Namespace) -> None:
    from .commands.info import info_lines

    values = facemodel.model_info(parsed.model, parsed.weights)
    print_result(parsed, values, info_lines(values))


weights = command_group(commands, "weights", "list or download the ready models")


@command(weights, "list", "list the ready models, with their licence, threshold and path", _CACHE)
def _list_weights(parsed: Namespace) -> None:
    from .models.ready import files

    rows = files.list_ready(parsed.cache)
    print_result(parsed, rows, files.ready_lines(rows))


@command(
    weights,
    "fetch",
    "download ready models into the cache",
    argument("models", "NAME", "sface, facenet-vggface2, or all", nargs="+"),
    argument("--weights", "PATH", "take this file instead of downloading it; of one model"),
    _CACHE,
)
def _fetch_weights(parsed: Namespace) -> None:
    from .models.ready import files

    paths = [str(path) for path in files.fetch_ready(parsed.models, parsed.weights, parsed.cache)]
    print_result(parsed, paths, paths)


@command(
    commands,
    "embed",
    "write the embeddings of a set's crops to a Parquet file",
    _MODEL,
    argument("source", "SOURCE", "a set, a manifest (.parquet) or a folder of crops"),
    argument("--out", "FILE.parquet", "the file to write", required=True),
    options=options.EmbedConfig,
)
def _embed(parsed: Namespace) -> None:
    from .commands import summary
    from .outputs import check_order

    check_order("embed", parsed.model, [parsed.source], parsed.out)
    config = options_of(parsed, options.EmbedConfig)
    with Bar("crop") as bar:
        done = facemodel.embed_set(parsed.model, parsed.source, parsed.out, config, on_progress=bar.show)
    print_result(parsed, done, summary.embed_lines(done))


@command(
    commands,
    "evaluate",
    "score a model on pairs and people that it was not trained on",
    _MODEL,
    _SET,
    argument("--out", "DIR", "folder for the tables and plots", required=True),
    options=options.EvaluateConfig,
)
def _evaluate(parsed: Namespace) -> None:
    from .outputs import check_order
    from .scoring.report import score_table

    check_order("evaluate", parsed.model, [parsed.set], parsed.out)
    config = options_of(parsed, options.EvaluateConfig)
    with Bar("crop") as bar:
        scores = facemodel.evaluate(parsed.model, parsed.set, parsed.out, config, on_progress=bar.show)
    print_result(parsed, scores, [*score_table(scores), f"scores in {parsed.out}"])


@command(
    commands,
    "compare",
    "set several runs against each other on the same pairs",
    argument("runs", "RUN", "a folder that evaluate wrote, or a MODEL, which is scored here", nargs="+"),
    argument("--out", "DIR", "folder for the page and the table (default: compare)", default="compare"),
    options=options.CompareConfig,
)
def _compare(parsed: Namespace) -> None:
    from .scoring.compared.table import compare_table

    config = options_of(parsed, options.CompareConfig)
    with Bar("crop") as bar:
        compared = facemodel.compare(parsed.runs, parsed.out, config, on_progress=bar.show)
    print_result(parsed, compared, [*compare_table(compared), f"page in {parsed.out}/report.html"])


@command(
    commands,
    "check",
    "find who is under a wrong name, and all that `facedata check` finds; changes nothing in the set",
    _MODEL,
    _SET,
    argument("--against", "OTHER", "another set: find the people and photos that both have"),
    argument("--out", "DIR", "folder for the findings (default: check in the set's folder)"),
    options=options.CheckConfig,
)
def _check(parsed: Namespace) -> None:
    from facedata.checks.report_lines import finding_lines, refuse_undecided

    from .commands import summary
    from .outputs import check_order

    check_order("check", parsed.model, [parsed.set], parsed.out)
    config = options_of(parsed, options.CheckConfig)
    with Bar("crop") as bar:
        findings = facemodel.check(
            parsed.set, parsed.model, parsed.against, out=parsed.out, config=config, on_progress=bar.show,
            on_step=bar.step,
        )  # fmt: skip
    first, *others = finding_lines(findings, parsed.set)
    print_result(parsed, findings.summary, [first, *summary.people_lines(findings.summary), *others])
    refuse_undecided(findings)


@command(
    commands,
    "enroll",
    "make a gallery of people from photos, one folder or one file per person",
    _MODEL,
    argument("people", "PEOPLE", "the folder that holds one folder, or one photo, per person"),
    argument("--out", "FILE.parquet", "the gallery to write", required=True),
    options=options.EnrollConfig,
)
def _enroll(parsed: Namespace) -> None:
    from .commands.summary import gallery_lines, gallery_values
    from .outputs import check_order

    check_order("enroll", parsed.model, [parsed.people], parsed.out)
    config = options_of(parsed, options.EnrollConfig)
    with Bar("photo") as bar:
        gallery = facemodel.enroll(parsed.model, parsed.people, parsed.out, config, on_progress=bar.show)
    lines = [*gallery_lines(gallery, parsed.out), *([f"arrays     {config.npz}"] if config.npz else [])]
    print_result(parsed, gallery_values(gallery, parsed.out), lines)


@command(
    commands,
    "identify",
    "name every face in photos, or report it as unknown",
    _MODEL,
    argument(
        "photos",
        "[GALLERY.parquet] PHOTO",
        "the gallery (a classifier needs none), then photos or folders of them",
        nargs="+",
    ),
    options=options.IdentifyConfig,
)
def _identify(parsed: Namespace) -> None:
    from .commands import summary
    from .outputs import PARQUET, check_order

    check_order("identify", parsed.model, parsed.photos)
    first, *others = parsed.photos
    gallery, photos = (first, others) if first.endswith(PARQUET) else (None, parsed.photos)
    config = options_of(parsed, options.IdentifyConfig)
    with Bar("photo") as bar:
        result = facemodel.identify(parsed.model, gallery, photos, config, on_progress=bar.show)
    print_result(parsed, result.to_json(), summary.identified_lines(result))
    if result.unreadable:
        raise SourceError(f"{result.unreadable:,} of {len(result.photos):,} photos could not be read")


@command(
    commands,
    "forget",
    "take people out of a gallery; everybody else in it stays",
    argument("gallery", "GALLERY", "the gallery's file"),
    argument("people", "PERSON", "a name, as the gallery has it", nargs="+"),
    options=options.ForgetConfig,
)
def _forget(parsed: Namespace) -> None:
    from .recognition.forget import forgotten_lines

    config = options_of(parsed, options.ForgetConfig)
    done = facemodel.forget_person(parsed.gallery, parsed.people, config)
    print_result(parsed, done.to_json(), forgotten_lines(done))


@command(
    commands,
    "mine",
    "write triplets whose negatives look most like the anchor to the model",
    _MODEL,
    _SET,
    argument("--out", "FILE.parquet", "the file to write, for fit --triplets", required=True),
    options=options.MineConfig,
)
def _mine(parsed: Namespace) -> None:
    from .commands import summary
    from .outputs import check_order

    check_order("mine", parsed.model, [parsed.set], parsed.out)
    config = options_of(parsed, options.MineConfig)
    with Bar("crop") as bar:
        mined = facemodel.mine(parsed.model, parsed.set, parsed.out, config, on_progress=bar.show)
    print_result(parsed, mined, summary.mined_lines(mined, parsed.out))


@command(
    commands,
    "export",
    "write a model for use elsewhere, and check that the file gives the same embeddings",
    argument("model", "MODEL", "a run's folder, or a ready model's name; for --int8 an ONNX file too"),
    argument("--out", "FILE", "the file to write; its input spec goes beside it", required=True),
    options=options.ExportConfig,
)
def _export(parsed: Namespace) -> None:
    from .commands.export import export_lines

    done = facemodel.export_model(parsed.model, parsed.out, options_of(parsed, options.ExportConfig))
    print_result(parsed, done, export_lines(done))
