"""Imports that are put off: a package's public names until they are used, and pandas until it is needed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from typing import Any


def late_names(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the ``__getattr__`` and ``__dir__`` of a package (PEP 562).

    Args:
        package: its name.
        homes: each public name, and the module below the package that has it.
    """

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(f".{homes[name]}", package), name)
        setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *homes})

    return get, names


def spare_pandas() -> None:
    """Keep Arrow from importing pandas for its first array, which takes longer than all other imports.

    Arrow asks once whether there is pandas, to recognise its arrays, and asks again when a table becomes a
    frame. Here it asks as soon as it is imported, and the answer is no. So this is for processes that hand
    Arrow no frames: the commands and their workers.
    """
    if "pyarrow" not in sys.modules:
        sys.meta_path.insert(0, _ArrowFinder())


@contextmanager
def pandas_spared() -> Iterator[None]:
    """Spare pandas if Arrow is imported within the block: the program may be called by another one."""
    spare_pandas()
    try:
        yield
    finally:
        sys.meta_path[:] = [one for one in sys.meta_path if not isinstance(one, _ArrowFinder)]


class _ArrowFinder:
    """Has Arrow ask for pandas, in vain, when it is imported."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Find Arrow; see :class:`importlib.abc.MetaPathFinder`."""
        if fullname != "pyarrow":
            return None
        sys.meta_path.remove(self)
        spec = find_spec(fullname)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_and_ask(arrow: Any) -> None:
                execute(arrow)
                sys.meta_path.insert(0, refusal := _Refusal())
                try:
                    arrow.array([])
                finally:
                    sys.meta_path.remove(refusal)

            spec.loader.exec_module = execute_and_ask  # type: ignore[assignment]
        return spec


class _Refusal:
    """Says that there is no pandas."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        """Find nothing; see :class:`importlib.abc.MetaPathFinder`.

        Raises:
            ModuleNotFoundError: pandas is asked for.
        """
        if fullname == "pandas":
            raise ModuleNotFoundError("pandas is spared", name=fullname)
