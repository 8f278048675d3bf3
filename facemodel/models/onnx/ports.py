"""Which input of an ONNX network takes the crops, and how; which outputs are embeddings and logits.

What the network itself does not tell, its JSON does: ``input``, ``other_inputs``, ``layout``, ``output`` and
``logits``. Every refusal says what to write there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facedata.types import Float32Array

from ...errors import ModelError, SpecError
from ...spec import InputSpec

_TYPES = {
    "tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
}  # fmt: skip
_OTHERS = {"tensor(bool)": np.bool_, "tensor(int32)": np.int32, "tensor(int64)": np.int64} | _TYPES
_LAYOUTS = ("NCHW", "NHWC")

Value = NDArray[Any]


@dataclass(frozen=True)
class Constant:
    """What always goes into an input.

    Attributes:
        value: the array.
        is_per_crop: whether its first axis has as many rows as there are crops.
    """

    value: Value
    is_per_crop: bool

    def of(self, count: int) -> Value:
        """Return it for so many crops."""
        return np.repeat(self.value, count, axis=0) if self.is_per_crop else self.value


@dataclass(frozen=True)
class Names:
    """What the JSON beside a network names; None for what it does not.

    Attributes:
        model: the network's path, for messages.
        where: the JSON's, for messages.
        classes: identities in label order; empty if the network names nobody.
    """

    model: str
    where: str
    classes: tuple[str, ...] = ()
    input: str | None = None
    output: str | None = None
    logits: str | None = None
    layout: str | None = None
    other_inputs: Mapping[str, Any] | None = None


def read_names(values: Mapping[str, Any], model: str, where: str) -> Names:
    """Take the names out of a spec's JSON.

    Raises:
        SpecError: one has the wrong type.
    """
    classes = values.get("classes", [])
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        raise SpecError(f"the input spec {where}: classes must be a list of names")
    named = {key: values.get(key) for key in ("input", "output", "logits", "layout")}
    for key, value in named.items():
        if value is not None and not isinstance(value, str):
            raise SpecError(f"the input spec {where}: {key} is {value!r}, not a name in quotes")
    if named["layout"] not in (None, *_LAYOUTS):
        raise SpecError(f'the input spec {where}: layout is "{named["layout"]}", neither "NCHW" nor "NHWC"')
    others = values.get("other_inputs")
    if not (others is None or isinstance(others, dict)):
        raise SpecError(f'the input spec {where}: other_inputs is {others!r}, not {{"name": value}}')
    return Names(model, where, tuple(classes), other_inputs=others, **named)


@dataclass(frozen=True)
class Ports:
    """How crops go into a network and embeddings come out.

    Attributes:
        input: the name of the input that takes the crops.
        dtype: what it takes; uint8 means pixels from 0 to 255.
        layout: ``NCHW`` or ``NHWC``.
        batch: how many crops it takes at a time; None for any number.
        others: a constant for every other input, by name.
        output: the name of the embeddings.
        logits: the name of the logits in label order; None if there are none.
        chosen: what the JSON decides and the network does not; the model's id covers it.
    """

    input: str
    dtype: Any
    layout: str
    batch: int | None
    others: Mapping[str, Constant]
    output: str = ""
    logits: str | None = None
    chosen: tuple[str, ...] = ()

    def feed(self, images: Float32Array) -> dict[str, Value]:
        """Return what the session is fed for ``(N, 3, size, size)`` float32, as many as a batch has."""
        if self.dtype is np.uint8:
            images = np.rint(images * np.float32(255))
        if self.layout == "NHWC":
            images = images.transpose(0, 2, 3, 1)
        others = {name: one.of(len(images)) for name, one in self.others.items()}
        return {self.input: np.ascontiguousarray(images, self.dtype), **others}


def find_ports(session: Any, spec: InputSpec, names: Names) -> Ports:
    """Find a network's ports; it is run once on a black image, since its shapes seldom tell everything.

    Args:
        session: onnxruntime's.
        spec: the input spec.
        names: what the JSON names.

    Raises:
        SpecError: they are not what the spec says, or not clear; the message says what to write.
        ModelError: the network cannot be run.
    """
    inputs = {one.name: one for one in session.get_inputs()}
    name = choose_input(inputs, names)
    port = inputs[name]
    if port.type not in _TYPES:
        raise SpecError(
            f"{names.model} takes {port.type}, and crops come as float32, float16, float64 or uint8: export "
            "it again with such an input"
        )
    dtype = _TYPES[port.type]
    if dtype is np.uint8 and (any(spec.mean) or any(one != 1 for one in spec.std)):
        raise SpecError(
            f"{names.model} takes uint8 pixels and normalises them itself: write "
            f'"mean": [0, 0, 0] and "std": [1, 1, 1] into {names.where}'
        )
    shape = list(port.shape or [None] * 4)
    if len(shape) != 4:
        raise SpecError(f"the input {name} of {names.model} is {_text(shape)}: it takes no images")
    batch = fixed_side(shape[0])
    others = other_inputs(inputs, name, names)
    layouts, is_certain = allowed_layouts(shape, spec.size_px)
    if names.layout and not is_certain:
        layouts = [one for one in layouts if one == names.layout]
    if not layouts or (is_certain and names.layout not in (None, layouts[0])):
        raise SpecError(
            f"{names.model} takes images {_text(shape)}, and its spec says 3 channels of {spec.size_px} × "
            f"{spec.size_px} px{f' in the order {names.layout}' if names.layout else ''}"
        )
    try:
        black = np.zeros((batch or 1, 3, spec.size_px, spec.size_px), np.float32)
    except (MemoryError, ValueError):  # the latter where the size has no number
        raise SpecError(
            f"{names.model} takes {batch or 1:,} images of {spec.size_px:,} px at once: no memory holds these"
        ) from None
    runs: list[tuple[Ports, Sequence[Any]]] = []
    failure: Exception | None = None
    for layout in layouts:
        ports = Ports(name, dtype, layout, batch, others)
        try:
            runs.append((ports, session.run(None, ports.feed(black))))
        except Exception as error:  # noqa: BLE001  onnxruntime's errors share no other base class
            failure = error
    if not runs:
        raise ModelError(
            f"{names.model} cannot be run on {len(black)} images of {spec.size_px} px: "
            f"{str(failure).splitlines()[0]}"
        ) from failure
    if len(runs) > 1:
        raise SpecError(
            f'{names.model} takes images in either order: write "layout": "NCHW" (channels first, as PyTorch '
            f'has them) or "layout": "NHWC" (channels last, as TensorFlow has them) into {names.where}'
        )
    ports, results = runs[0]
    ports = choose_outputs(ports, session.get_outputs(), results, spec, names)
    first = session.get_outputs()[0].name
    chosen = [
        *([f"output {ports.output}"] if ports.output != first else []),
        *([] if is_certain else [f"layout {ports.layout}"]),
        *(f"{key} {one.value.tolist()!r}" for key, one in sorted(ports.others.items())),
    ]
    return replace(ports, chosen=tuple(chosen))


def choose_input(inputs: Mapping[str, Any], names: Names) -> str:
    """Return the name of the input that takes crops: the one the JSON names, or the only one of images."""
    if names.input is not None:
        if names.input not in inputs:
            raise SpecError(
                f'{names.where} has "input": "{names.input}", and {names.model} has {_list(inputs)}'
            )
        return names.input
    images = [name for name, one in inputs.items() if len(inputs) == 1 or len(one.shape or []) == 4]
    if len(images) == 1:
        return images[0]
    raise SpecError(
        f"{names.model} has {len(inputs)} inputs, {_list(inputs)}: write into {names.where} which one takes "
        f'the crops, such as "input": "{next(iter(images or inputs), "")}"'
    )


def other_inputs(inputs: Mapping[str, Any], name: str, names: Names) -> dict[str, Constant]:
    """Return what goes into all inputs but the crops'."""
    given = names.other_inputs or {}
    if unknown := sorted(set(given) - set(inputs)):
        raise SpecError(f"{names.where} gives other_inputs {_list(unknown)}; the network has {_list(inputs)}")
    wanted = [one for one in inputs if one != name]
    if missing := [one for one in wanted if one not in given]:
        example = json.dumps({"input": name, "other_inputs": dict.fromkeys(wanted, 0)})
        raise SpecError(
            f"besides {name} the network takes {_list(missing)}: write a value for each into {names.where}, "
            f"such as {example[1:-1]}"
        )
    values = {}
    for one in wanted:
        port = inputs[one]
        if port.type not in _OTHERS:
            raise SpecError(f"the input {one} takes {port.type}, which {names.where} cannot give")
        shape = [fixed_side(side) or 1 for side in port.shape or []]
        try:
            value = np.broadcast_to(np.asarray(given[one], _OTHERS[port.type]), shape)
        except (ValueError, TypeError, OverflowError):
            raise SpecError(
                f"{names.where}: other_inputs gives {one} the value {given[one]!r}, and it takes "
                f"{port.type} of {_text(shape) or 'no axes'}"
            ) from None
        is_per_crop = bool(port.shape) and fixed_side(port.shape[0]) is None
        values[one] = Constant(np.array(value), is_per_crop)
    return values


def allowed_layouts(shape: Sequence[Any], size: int) -> tuple[list[str], bool]:
    """Return the layouts that a shape allows, and whether its channels tell which one it is."""
    sides = {"NCHW": (shape[1], shape[2:]), "NHWC": (shape[3], shape[1:3])}
    fits = [
        layout
        for layout, (channels, others) in sides.items()
        if fixed_side(channels) in (None, 3) and all(fixed_side(side) in (None, size) for side in others)
    ]
    certain = [layout for layout in fits if fixed_side(sides[layout][0]) == 3]
    return (certain[:1], True) if certain else (fits, len(fits) == 1)


def choose_outputs(
    ports: Ports, outputs: Sequence[Any], results: Sequence[Any], spec: InputSpec, names: Names
) -> Ports:
    """Return the ports with the outputs: those the JSON names, or the only one of the right width.

    Args:
        ports: the ports so far.
        outputs: the session's outputs.
        results: what one run gave for each of them.
        spec: the input spec.
        names: what the JSON names.

    Raises:
        SpecError: no output is what the spec says, or several can be.
    """
    count = ports.batch or 1
    shapes = {one.name: np.shape(result) for one, result in zip(outputs, results, strict=True)}
    widths = {name: int(np.prod(shape)) // count for name, shape in shapes.items()}
    floats = {one.name for one in outputs if one.type in _TYPES and one.type != "tensor(uint8)"}
    listed = ", ".join(f"{name} ({_text(shape) or 'one number'})" for name, shape in shapes.items())
    fits = [name for name in shapes if name in floats and widths[name] == spec.dim]
    first = outputs[0].name
    for key, name in (("output", names.output), ("logits", names.logits)):
        if name is not None and name not in shapes:
            raise SpecError(f'{names.where} has "{key}": "{name}", and {names.model} returns {listed}')
    output = names.output or (first if len(outputs) == 1 or (names.classes and first in fits) else "")
    if not output and len(fits) != 1:
        choose = f'write into {names.where} which one, such as "output": "{(fits or [first])[0]}"'
        raise SpecError(
            f"{names.model} returns {listed}; "
            + (f"{len(fits)} of these can be" if fits else "none of these is")
            + f" an embedding of {spec.dim} numbers, as dim says: {choose}{'' if fits else ', and its dim'}"
        )
    output = output or fits[0]
    if output not in floats:
        kind = next(one.type for one in outputs if one.name == output)
        raise SpecError(f"{names.model} returns {kind}, not floating-point numbers")
    if widths[output] != spec.dim:
        raise SpecError(f"{names.model} returns embeddings of {widths[output]}, and its spec says {spec.dim}")
    logits = None
    if names.classes:
        rest = [one.name for one in outputs if one.name != output]
        if not rest:
            raise SpecError(
                f"the spec of {names.model} names classes, but the network has no output for them"
            )
        right = [name for name in rest if widths[name] == len(names.classes) and name in floats]
        logits = names.logits or (rest[0] if rest[0] in right or len(right) != 1 else right[0])
        if logits not in right:
            raise SpecError(
                f"the spec of {names.model} names {len(names.classes)} classes, and its output {logits} is "
                f"{_text(shapes[logits])}: give the right list, or write the output of that width as "
                f'"logits" into {names.where}'
            )
    return replace(ports, output=output, logits=logits)


def fixed_side(side: Any) -> int | None:
    """Return the length of a side; None if it may vary."""
    return side if isinstance(side, int) and side > 0 else None


def _text(shape: Sequence[Any]) -> str:
    return " × ".join(str(side) for side in shape)


def _list(names: Any) -> str:
    return ", ".join(names)
