"""The atlas: one directory that holds everything a run has found.

:class:`Atlas` reads one and needs neither torch nor the original data;
:class:`AtlasWriter` fills one stage by stage, and goes on where an
interrupted run stopped.
"""

from latentscape.atlas.reader import Atlas, DecodedPlane
from latentscape.atlas.schema import ARTEFACTS, SCHEMA_VERSION, fingerprint
from latentscape.atlas.writer import AtlasWriter, Stage

__all__ = [
    "ARTEFACTS",
    "SCHEMA_VERSION",
    "Atlas",
    "AtlasWriter",
    "DecodedPlane",
    "Stage",
    "fingerprint",
]
