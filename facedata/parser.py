"""The parser of a command line: arguments and options in any order, one-line errors, the nearest name."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from .options import nearest


class Parser(argparse.ArgumentParser):
    """Parses a program, or one command of it.

    ``argparse`` alone fills all of a command's arguments from the first words it meets, so a list that may be
    empty is taken for empty when an option stands before it. Here the order of options and arguments does not
    matter, and options may also stand before the command's name.
    """

    write_in_full: Callable[[Sequence[str]], list[str]] = list
    """Writes a short form of this parser's words in full, before they are parsed."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Parse words; without a word, a program or a group of commands prints its help.

        Raises:
            SystemExit: unknown or missing options, arguments or values, with status 2.
        """
        words = self.write_in_full(sys.argv[1:] if args is None else args)
        commands = self._commands()
        if commands and not words:
            self.print_help()
            self.exit(2)
        words = self._command_first(words, commands) if commands else self._options_first(words)
        parsed, surplus = super().parse_known_args(words, namespace)
        if surplus and not commands:
            self.error(f"{surplus[0]!r} is one argument too many")
        return parsed, surplus

    def error(self, message: str) -> NoReturn:
        """Print one line and end with status 2."""
        self.exit(2, f"{self.prog}: error: {message}\n")

    def _commands(self) -> dict[str, Parser]:
        """Return the parsers of this parser's commands, by name."""
        groups = (one.choices for one in self._actions if isinstance(one, argparse._SubParsersAction))
        return next(groups, {})

    def _command_first(self, words: Sequence[str], commands: dict[str, Parser]) -> list[str]:
        """Move the command's name before its options."""
        if not words[0].startswith("-") or words[0].partition("=")[0] in self._option_string_actions:
            return list(words)
        options = [one for parser in commands.values() for one in parser._with_value()]
        names = (at for at, word in enumerate(words) if word in commands and words[at - 1] not in options)
        at = next(names, None)
        if at is None:
            self.error(f"no command follows {words[0]}: write one of {', '.join(commands)}")
        return [words[at], *words[:at], *words[at + 1 :]]

    def _with_value(self) -> list[str]:
        """Return the options that are followed by a value, of this parser and of its commands."""
        own = [name for name, action in self._option_string_actions.items() if action.nargs != 0]
        return own + [name for command in self._commands().values() for name in command._with_value()]

    def _options_first(self, words: Sequence[str]) -> list[str]:
        """Move the options, with their values, before the arguments."""
        options: list[str] = []
        arguments: list[str] = []
        rest = iter(words)
        for word in rest:
            if word == "--":
                arguments += [word, *rest]
            elif not self._is_option(word):
                arguments.append(word)
            else:
                options.append(word)
                name, has_value, _ = word.partition("=")
                action = self._option_string_actions.get(name)
                if action is None:
                    near = nearest(name, self._option_string_actions)
                    self.error(f"there is no option {name}{near or f'; {self.prog} --help lists them'}")
                if action.nargs == 0 and has_value:
                    self.error(f"{name} takes no value")
                if action.nargs != 0 and not has_value:
                    value = next(rest, None)
                    if value is None or self._is_option(value):
                        self.error(f"{name} needs a value")
                    options.append(value)
        return [*options, *arguments]

    def _is_option(self, word: str) -> bool:
        return len(word) > 1 and word[0] == "-" and not self._negative_number_matcher.match(word)

    def _get_value(self, action: argparse.Action, arg_string: str) -> Any:
        kind: Any = action.type or str
        try:
            return kind(arg_string)
        except ValueError:
            word = "number" if kind is float else kind.__name__.replace("_", " ")
            raise argparse.ArgumentError(
                None, f"{_name(action)} is {arg_string!r}; it takes a {word}"
            ) from None

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        choices = action.choices
        if choices is None or value in choices:
            return
        if isinstance(action, argparse._SubParsersAction):
            near = nearest(value, choices) or f"; {self.prog} --help lists them"
            text = f"there is no command {value!r}{near}"
        else:
            text = f"{_name(action)} is {value!r}; it takes one of {', '.join(map(str, choices))}"
            text += nearest(value, choices)
        raise argparse.ArgumentError(None, text)


def _name(action: argparse.Action) -> str:
    return action.option_strings[-1] if action.option_strings else str(action.metavar or action.dest)
