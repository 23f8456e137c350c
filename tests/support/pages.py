"""Access to the data in a page."""

from __future__ import annotations

import json
import re


def data_of(html):
    """Return the data in a page."""
    [text] = re.findall(r'<script type="application/json" id="data">(.*?)</script>', html, re.S)
    return json.loads(text)
