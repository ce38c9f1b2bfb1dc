"""Read, check and normalise photos from disk: a library without MCP, HTTP, settings or environment.

    allowed = AllowedFolders([Path.home() / "Pictures"])
    checked = await check(["sister"], allowed, takes=terms.photos)
    prepared = await prepare(checked, long_side=terms.photo_long_side, max_bytes=terms.jpeg_bytes)

Photos are decoded in separate processes. No module that the server imports loads Pillow or numpy; `synthetic` (drawn
photos for demonstrations) and what runs in a decoder process do.
"""
