"""A headless Chromium for tests of what is looked at: it opens pages, measures and draws them."""

from __future__ import annotations

from ._chromium import Chromium, Shown
from ._picture import Box, Picture

__all__ = ["Box", "Chromium", "Picture", "Shown"]
