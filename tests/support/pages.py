"""What a page holds, taken out of it."""

from __future__ import annotations

import json
import re


def data_of(html):
    """The data in a page."""
    [text] = re.findall(r'<script type="application/json" id="data">(.*?)</script>', html, re.S)
    return json.loads(text)
