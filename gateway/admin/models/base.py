"""What all answers have in common: their keys are these and no others, and all of them are there.

Answers are not measured by their models while the gateway runs, which would cost time and could only turn a good answer
into none: tests do that, over the whole API.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Answer(BaseModel):
    """An object of an answer."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


Moment = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")]
"""RFC 3339, UTC."""
Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]
