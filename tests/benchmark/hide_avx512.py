"""Run a Python module as on a processor with AVX2 and no AVX-512.

    python -m tests.benchmark.hide_avx512 tests.benchmark.speed --photos 320

NumPy, OpenCV, OpenBLAS, MKL, oneDNN and torch have switches that hide AVX-512 from them. ONNX Runtime has
none: it asks the processor itself which registers the system saves (``xgetbv``). So the run, and every
process that it starts, imports a copy of ONNX Runtime in which the answer stands in the question's place:
those of AVX, none of AVX-512.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

_SWITCHES = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "DNNL_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
    "OPENBLAS_CORETYPE": "Haswell",
    "OPENCV_CPU_DISABLE": "AVX512-COMMON,AVX512-SKX",
}
_ASK = bytes.fromhex("31c9 0f01d0")
"""``xor ecx, ecx; xgetbv``: which registers does the system save?"""
_SAY_AVX = bytes.fromhex("31c9 6a0758")
"""``xor ecx, ecx; push 7; pop rax``: those of x87, SSE and AVX."""


def main() -> int:
    """Run the module that the first argument names; return its exit status."""
    if len(sys.argv) < 2:
        print(__doc__)
        return 2
    with tempfile.TemporaryDirectory(prefix="facedata-avx2-") as folder:
        hide(Path(folder))
        paths = [folder, *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {**os.environ, **_SWITCHES, "PYTHONPATH": os.pathsep.join(paths)}
        return subprocess.run([sys.executable, "-m", *sys.argv[1:]], env=environment, check=False).returncode


def hide(folder: Path) -> None:
    """Copy ONNX Runtime to a folder, so that it sees no AVX-512.

    Raises:
        RuntimeError: it does not ask the processor where it used to.
    """
    found = find_spec("onnxruntime")
    if found is None or found.origin is None:
        raise RuntimeError("ONNX Runtime is not installed")
    copy = shutil.copytree(Path(found.origin).parent, folder / "onnxruntime")
    (library,) = (copy / "capi").glob("onnxruntime_pybind11_state*.so")
    code = library.read_bytes()
    if _ASK not in code:
        raise RuntimeError(f"{library.name} of this version asks the processor in another way")
    library.write_bytes(code.replace(_ASK, _SAY_AVX))


if __name__ == "__main__":
    raise SystemExit(main())
