"""The Python interface as Markdown: signatures and docstrings of the public names of a package.

mkdocstrings would do it too, with all of mkdocs beside Zensical; the docstrings here are plain enough for
this.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

_PACKAGES = ("facedata", "facemodel")
_SECTIONS = ("Args", "Attributes", "Returns", "Yields", "Raises")
_HEADINGS = {"Args": "Arguments"}


def write_reference(package: str) -> str:
    """Return the page of a package: its functions, classes, options, and the objects that these return."""
    module = import_module(package)
    names = {name: getattr(module, name) for name in module.__all__}
    options = {name: value for name, value in names.items() if name.endswith("Config")}
    functions = {name: value for name, value in names.items() if inspect.isfunction(value)}
    classes = {name: value for name, value in names.items() if not {name} & {*options, *functions}}
    page = [
        f"# {package} in Python",
        "Written from the docstrings. What is on this page is public; other names may change in any version.",
        f"```python\nimport {package}\n```",
        *(f"- {_link(name)}: {_summary(value)}" for name, value in names.items() if name not in options),
    ]
    text = "\n\n".join(page[:3]) + "\n\n" + "\n".join(page[3:])
    groups: list[tuple[str, dict[str, Any], Callable[[str, Any], str]]] = [
        ("Functions", functions, _function),
        ("Classes", classes, _class),
        ("Returned objects", dict(_returned({**functions, **classes}, names)), _class),
        ("Options", options, _options),
    ]
    for heading, group, describe in groups:
        if group:
            text += f"\n\n## {heading}\n\n" + "\n\n".join(describe(*item) for item in group.items())
    errors = inspect.getdoc(import_module(f"{package}.errors")) or ""
    return f"{text}\n\n## Errors\n\n{_body(errors.splitlines())}\n"


def _link(name: str) -> str:
    return f"[`{name}`](#{name.lower()})"


def _summary(value: Any) -> str:
    doc = _plain((inspect.getdoc(value) or "").partition("\n\n")[0])
    return " ".join(doc.split())


def _function(name: str, function: Any, level: str = "###") -> str:
    return f"{level} {name}\n\n```python\n{_signature(name, function)}\n```\n\n{_docstring(function)}"


def _class(name: str, cls: Any) -> str:
    parts = [f"### {name}", _docstring(cls)]
    for member, value in _members(cls):
        if isinstance(value, property):
            parts.append(f"#### {name}.{member}\n\n{_docstring(value)}")
        else:
            parts.append(_function(f"{name}.{member}", value, "####"))
    return "\n\n".join(parts)


def _options(name: str, cls: Any) -> str:
    rows = [
        f"| `{field.name}` | `{field.default!r}` | {_cell(field.metadata['text'])} |"
        for field in dataclasses.fields(cls)
    ]
    return "\n".join(
        [f"### {name}", "", _docstring(cls), "", "| option | default | meaning |", "|---|---|---|", *rows]
    )


def _members(cls: type) -> Iterator[tuple[str, Any]]:
    """Yield the public methods and properties of a class that this project defines, inherited ones too."""
    for name in dir(cls):
        value = inspect.getattr_static(cls, name)
        inner = value.__func__ if isinstance(value, (classmethod, staticmethod)) else value
        of = inner.fget if isinstance(inner, property) else inner
        if name.startswith("_") or not inspect.isfunction(of) or not inspect.getdoc(of):
            continue
        if of.__module__.partition(".")[0] in _PACKAGES:
            yield name, inner


def _returned(public: dict[str, Any], names: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the classes that public functions and methods return and that are not public themselves."""
    seen = set(names)
    waiting = list(public.values())
    while waiting:
        value = waiting.pop(0)
        callables = [value] if inspect.isfunction(value) else [member for _, member in _members(value)]
        for function in callables:
            function = inspect.unwrap(function.fget if isinstance(function, property) else function)  # type: ignore[arg-type]  # a property here has a getter
            annotation = str(function.__annotations__.get("return", ""))
            for name in re.findall(r"\w+", annotation):
                found = function.__globals__.get(name)
                is_ours = inspect.isclass(found) and found.__module__.partition(".")[0] in _PACKAGES
                if is_ours and name not in seen and inspect.getdoc(found):
                    seen.add(name)
                    waiting.append(found)
                    yield name, found


def _signature(name: str, function: Any) -> str:
    signature = inspect.signature(inspect.unwrap(function))
    said = [_parameter(value) for key, value in signature.parameters.items() if key not in ("self", "cls")]
    stars = [value.kind for key, value in signature.parameters.items() if key not in ("self", "cls")]
    if inspect.Parameter.KEYWORD_ONLY in stars and inspect.Parameter.VAR_POSITIONAL not in stars:
        said.insert(stars.index(inspect.Parameter.KEYWORD_ONLY), "*")
    back = signature.return_annotation
    arrow = "" if back is inspect.Signature.empty else f" -> {_annotation(back)}"
    line = f"{name}({', '.join(said)}){arrow}"
    return line if len(line) <= 88 else f"{name}(\n" + "".join(f"    {one},\n" for one in said) + f"){arrow}"


def _parameter(parameter: inspect.Parameter) -> str:
    stars = "*" * int(parameter.kind is inspect.Parameter.VAR_POSITIONAL)
    stars += "**" * int(parameter.kind is inspect.Parameter.VAR_KEYWORD)
    text = stars + parameter.name
    if parameter.annotation is not inspect.Parameter.empty:
        text += f": {_annotation(parameter.annotation)}"
    if parameter.default is not inspect.Parameter.empty:
        default = "…" if callable(parameter.default) else repr(parameter.default)
        text += f" = {default}"
    return text


def _annotation(value: Any) -> str:
    return value.strip("'\"") if isinstance(value, str) else str(getattr(value, "__name__", value))


def _docstring(value: Any) -> str:
    """Return a Google docstring as Markdown."""
    parts = []
    for heading, lines in _sections(inspect.getdoc(value) or ""):
        if heading in ("Args", "Attributes", "Raises"):
            parts.append(f"**{_HEADINGS.get(heading, heading)}**\n")
            parts.extend(f"- `{name}`: {_plain(text)}" for name, text in _entries(lines))
            parts.append("")
        elif heading:
            parts.append(f"**{heading}:** {_plain(' '.join(map(str.strip, lines)).strip())}\n")
        else:
            parts.append(_body(lines) + "\n")
    return "\n".join(parts).strip()


def _sections(doc: str) -> Iterator[tuple[str, list[str]]]:
    heading, lines = "", list[str]()
    for line in doc.splitlines():
        if line.rstrip(":") in _SECTIONS and line.endswith(":"):
            yield heading, lines
            heading, lines = line.rstrip(":"), []
        elif heading and line and not line.startswith(" "):
            yield heading, lines
            heading, lines = "", [line]
        else:
            lines.append(line)
    yield heading, lines


def _entries(lines: list[str]) -> Iterator[tuple[str, str]]:
    found: list[list[str]] = []
    for line in lines:
        if line.startswith("    ") and line[4:5].strip():
            name, _, text = line.strip().partition(": ")
            found.append([name.rstrip(":"), text])
        elif line.strip():
            found[-1][1] += " " + line.strip()
    for name, text in found:
        yield name.replace("\\*", "*"), text


def _body(lines: list[str]) -> str:
    """Return prose, with its examples and literal blocks in fences."""
    out: list[str] = []
    language = ""
    for line in [*lines, ""]:
        is_example = line.startswith(">>>")
        goes_on = bool(line.strip()) if language == "pycon" else line[:1] in ("", " ")
        if language and not goes_on:
            while not out[-1]:
                out.pop()
            out += ["```", ""]
            language = ""
        if is_example and not language:
            language = "pycon"
            out.append("```pycon")
        if not language and line.endswith("::"):
            language = "text"
            out += [_plain(line.rstrip(":")) + ":" * (line != "::"), "", "```text"]
        elif language == "text":
            out.append(line[4:])
        else:
            out.append(line if language else _plain(line))
    text = re.sub(r"```text\n\n+", "```text\n", "\n".join([*out, "```"] if language else out))
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _plain(text: str) -> str:
    """Return reStructuredText's roles and literals as Markdown's code."""
    text = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", text)
    text = re.sub(r"``([^`]+)``", r"`\1`", text)
    return re.sub(r"\bdocs/([\w-]+\.md)\b", r"[\1](../\1)", text)


def _cell(text: str) -> str:
    return _plain(text).replace("|", "\\|")
