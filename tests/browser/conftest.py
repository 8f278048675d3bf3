"""A real browser, and pages opened in it."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.support.browser import OpenPage, find_missing, launch_browser

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_FAILED = pytest.StashKey[bool]()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The system's Chromium, each worker its own; skips where there is none, and says why."""
    if missing := find_missing():
        pytest.skip(missing)
    with launch_browser() as browser:
        yield browser


@pytest.fixture
def open_page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[OpenPage]:
    """Opens pages; at the end each must have been quiet, and a failed test leaves a screenshot of each."""
    opener = OpenPage(browser)
    yield opener
    if request.node.stash.get(_FAILED, False):
        for number, visit in enumerate(opener.visits):
            name = re.sub(r"[^\w-]+", "-", request.node.name)[:150]
            if not visit.page.is_closed():
                visit.screenshot(f"failed-{name}-{number}", whole=False)
    opener.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note that a test failed, for what its fixtures do at its end."""
    report = yield
    if report.when == "call":
        item.stash[_FAILED] = report.failed
    return report
