from __future__ import annotations

import subprocess
import sys

from apiframe_studio.photos.synthetic import draw, make_scenes


def test_importing_the_package_imports_no_image_library() -> None:
    heavy = {"PIL", "numpy", "cv2", "pillow_heif", "mcp", "httpx"}
    code = "import sys, apiframe_studio.photos.checks, apiframe_studio.photos.preparing; "
    code += f"print(sorted({heavy!r} & set(sys.modules)))"
    message = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=90, check=True
    )
    assert message.stdout.strip() == "[]"


def test_the_same_seed_draws_the_same_photo() -> None:
    first, second = (draw(make_scenes(3, seed=9)[2], (256, 320)) for _ in range(2))
    assert first.tobytes() == second.tobytes()
    assert first.tobytes() != draw(make_scenes(3, seed=10)[2], (256, 320)).tobytes()
