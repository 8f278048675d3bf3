"""A page in a real browser: the system's Chromium, and everything that a page does there and should not.

Tests in ``tests/browser`` take the fixture ``open_page``, which is an :class:`OpenPage`::

    def test_the_search_finds_a_person(open_page: OpenPage, report: Path) -> None:
        visit = open_page(report / "index.html", dark=True, width=360)
        visit.page.get_by_role("searchbox").fill("anna")
        visit.check_axe()
        visit.screenshot("report-search-dark-360")

When the test ends, each visit must have been quiet: no error or warning in the console, no exception, nothing
that the Content-Security-Policy stopped, no request that leaves the page. A test that wants one of these
clears ``visit.errors`` or ``visit.requests`` when it has seen it. Chromium resolves no name here.

Give ``page.wait_for_function`` a function, ``"() => a > b"``: an expression is evaluated again and again,
which the policy stops.

Playwright keeps an event loop running in the thread that it was started in, so that ``asyncio.run`` fails
there for as long: the browser lives while tests of ``tests/browser`` run and no longer.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.support.processes import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

_NAMES = ("chromium", "chromium-browser", "google-chrome")
# A browser's own pages (the address bar's two popups cost each test a second of a core), and what playwright
# switches off, since Chromium takes the last list alone.
_FEATURES_OFF = (
    "WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "AimEnabled", "LensOverlay", "MediaRouter",
    "OptimizationHints",
    "AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades", "PaintHolding",
    "HttpsFirstBalancedModeAutoEnable", "ThirdPartyStoragePartitioning", "NetworkTimeServiceQuerying",
    "PreconnectToSearch",
)  # fmt: skip
_ARGUMENTS = (
    f"--disable-features={','.join(_FEATURES_OFF)}",
    "--no-sandbox",  # root has none, and what is opened here is ours
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--force-color-profile=srgb",
)
_TIMEOUT_MS = 30_000  # for the machine that has other things to do


def find_missing() -> str | None:
    """Return what a test in a browser lacks here, and how to get it; None where there is all."""
    if find_spec("playwright") is None:
        return "playwright is not installed, which drives the browser (pip install playwright)"
    if not find_chromium():
        return "no Chromium is here (apt-get install chromium, or name one in FACEDATA_CHROMIUM)"
    return None


def find_chromium() -> str | None:
    """Return the browser's program: the one that FACEDATA_CHROMIUM names, or else one on the PATH."""
    found = os.environ.get("FACEDATA_CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    return found if found and shutil.which(found) else None


@contextmanager
def launch_browser(*arguments: str) -> Iterator[Browser]:
    """Run a headless Chromium with more arguments of its command line; see :func:`find_missing`."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=[*_ARGUMENTS, *arguments], chromium_sandbox=False
        )
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visit:
    """A page that was opened, and what it did since.

    Attributes:
        page: playwright's page.
        url: its address when it was opened.
        errors: errors and warnings of the console, exceptions, what the Content-Security-Policy stopped.
        requests: the addresses that were asked for, the page's own first.
    """

    page: Page
    url: str
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def reopen(self) -> None:
        """Close the page and open it anew in another tab of the same browser: its storage is as it was."""
        context = self.page.context
        self.page.close()
        self.page = context.new_page()
        self.page.goto(self.url)

    def wait_ready(self) -> None:
        """Return once the page says that it can be used: its script sets ``data-ready`` of the root."""
        from playwright.sync_api import TimeoutError as NotReady

        try:
            self.page.wait_for_selector("html[data-ready]", state="attached")
        except NotReady:
            raise AssertionError("\n".join([f"{self.url} is not ready", *self.errors])) from None

    def screenshot(self, name: str, *, whole: bool = True) -> Path:
        """Write a PNG of the whole page, or of what is seen of it, into the folder of artefacts."""
        if whole:  # what sticks to the top of the window would stand in the middle otherwise
            self.page.evaluate("scrollTo({ top: 0, behavior: 'instant' })")
        folder = Path(os.environ.get("FACEDATA_SCREENSHOTS", ROOT / "build" / "screenshots"))
        file = folder / f"{name}.png"
        self.page.screenshot(path=file, full_page=whole, animations="disabled")
        return file

    def check_axe(self, *, exclude: Sequence[str] = ()) -> None:
        """Fail where axe finds a violation of any of its rules.

        axe runs beside the page's own scripts, in a world that the Content-Security-Policy does not bind.

        Args:
            exclude: CSS selectors of what is left out.
        """
        found = self._run_axe([[selector] for selector in exclude])
        assert not found, f"axe finds fault with {self.page.url}:\n" + "\n".join(map(_say_violation, found))

    def check_quiet(self) -> None:
        """Fail where the page said an error or a warning, or asked for something that is not below it."""
        if not self.page.is_closed():
            self.page.evaluate("0")  # what happened before is known once this has its answer
        left = [url for url in self.requests if not self._is_within(url)]
        assert not self.errors, f"{self.url} is not quiet:\n" + "\n".join(self.errors)
        assert not left, f"{self.url} asks for what is not below it:\n" + "\n".join(left)

    def _is_within(self, url: str) -> bool:
        opened, asked = urlsplit(self.url), urlsplit(url)
        if asked.scheme in ("data", "blob", "about"):
            return True
        is_beside = asked.path.startswith(opened.path.rpartition("/")[0] + "/")
        same_origin = (asked.scheme, asked.netloc) == (opened.scheme, opened.netloc)
        return same_origin and (is_beside or opened.scheme != "file")

    def _run_axe(self, exclude: list[list[str]]) -> list[dict[str, Any]]:
        spec = find_spec("axe_playwright_python")
        assert spec is not None, "axe is not installed (pip install axe-playwright-python)"
        assert spec.origin is not None
        source = Path(spec.origin).with_name("axe.min.js").read_text(encoding="utf-8")
        session = self.page.context.new_cdp_session(self.page)
        try:
            frame = session.send("Page.getFrameTree")["frameTree"]["frame"]["id"]
            world = session.send("Page.createIsolatedWorld", {"frameId": frame})["executionContextId"]
            run = (
                f"{source};axe.run({{exclude: {exclude!r}}}, {{preload: false, resultTypes: ['violations']}})"
                ".then(result => result.violations)"
            )
            answer = session.send(
                "Runtime.evaluate",
                {"expression": run, "contextId": world, "awaitPromise": True, "returnByValue": True},
            )
        finally:
            session.detach()
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return list(answer["result"]["value"])


def _say_violation(violation: dict[str, Any]) -> str:
    nodes = "\n".join(
        f"    {' '.join(map(str, node['target']))}\n      {node['html']}\n      "
        + node["failureSummary"].replace("\n", "\n      ")
        for node in violation["nodes"]
    )
    return f"  {violation['id']} ({violation['impact']}): {violation['help']}\n{nodes}"


class OpenPage:
    """Opens pages, each in a browser's profile of its own, and ends them.

    Args:
        browser: the browser, which stays.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self.visits: list[Visit] = []

    def __call__(
        self,
        target: Path | str,
        *,
        dark: bool = False,
        width: int = 1280,
        height: int = 800,
        touch: bool = False,
        reduced_motion: bool = True,
        **context: Any,
    ) -> Visit:
        """Open a file, or an address on loopback, and return once it has loaded.

        Args:
            target: a path, or a URL.
            dark: the system's colours are dark.
            width: of the window, in CSS px.
            height: likewise.
            touch: a phone's browser: a finger in place of a mouse.
            reduced_motion: the system asks for no motion.
            **context: more of ``Browser.new_context``, such as ``java_script_enabled=False``.
        """
        url = target.resolve().as_uri() if isinstance(target, Path) else target
        opened = self._browser.new_context(
            color_scheme="dark" if dark else "light",
            viewport={"width": width, "height": height},
            has_touch=touch,
            is_mobile=touch,
            reduced_motion="reduce" if reduced_motion else "no-preference",
            **context,
        )
        opened.set_default_timeout(_TIMEOUT_MS)
        visit = Visit(opened.new_page(), url)
        self.visits.append(visit)
        _watch(opened, visit)
        visit.page.goto(url)
        return visit

    def close(self) -> None:
        """Close all pages, then fail where one was not quiet."""
        faults = []
        for visit in self.visits:
            try:
                visit.check_quiet()
            except AssertionError as fault:
                faults.append(str(fault))
            finally:
                visit.page.context.close()
        self.visits.clear()
        assert not faults, "\n".join(faults)


def _watch(context: BrowserContext, visit: Visit) -> None:
    def hear(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning", "assert"):
            where = message.location
            visit.errors.append(
                f"console {message.type}: {message.text} ({where['url']}:{where['lineNumber']})"
            )

    context.on("console", hear)
    context.on("weberror", lambda error: visit.errors.append(f"exception: {error.error}"))
    context.on("request", lambda request: visit.requests.append(request.url))
    visit.page.on("websocket", lambda socket: visit.requests.append(socket.url))
    visit.page.on("crash", lambda _: visit.errors.append("the page crashed"))
