"""The language of what is printed: as asked for, else as the locale says."""

import os
from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

Code = Literal["en", "ko"]


class Language(StrEnum):
    """Languages of explanations, findings and pictures."""

    en = "en"
    ko = "ko"


def spoken(asked: Language | None, environ: Mapping[str, str] = os.environ) -> Code:
    """Return the language that is asked for, else that of the messages: locale(7), LC_ALL before LC_MESSAGES, LANG."""
    if asked is not None:
        return asked.value
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := environ.get(variable):
            return "ko" if value.lower().partition("_")[0].partition(".")[0] == "ko" else "en"
    return "en"
