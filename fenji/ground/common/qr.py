"""QR codes as inline pictures."""

from __future__ import annotations

import segno
from django.utils.safestring import SafeString


def picture(text: str, title: str = "") -> SafeString:
    """A QR code as SVG, to be put into a page. `title`: read aloud instead of it; empty where a caption stands beside it."""
    drawn = segno.make_qr(text, error="m").svg_inline(omitsize=True, border=2, title=title or None, svgclass="qr", lineclass=None)
    return SafeString(drawn)  # made of fixed marks and an escaped title
