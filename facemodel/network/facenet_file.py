"""The file of facenet-pytorch's weights: known without torch, so that a list of models is quick."""

from __future__ import annotations

from facedata.files.download import PinnedFile

VGGFACE2 = PinnedFile(
    "20180402-114759-vggface2.pt",
    "https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9/20180402-114759-vggface2.pt",
    "281cebca8662831adb987a874bdcb36e73f5b1c6dc5ee5878f305e985625d99b",
    "name the file with --weights PATH",
)
"""InceptionResnetV1 trained on VGGFace2, 112 MB; the library itself checks no hash."""
