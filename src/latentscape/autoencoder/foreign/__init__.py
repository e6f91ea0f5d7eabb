"""Encoders from elsewhere, and decoders trained for codes that have none."""

from latentscape.autoencoder.foreign.decoder import CodeDecoder
from latentscape.autoencoder.foreign.encoder import ForeignEncoder, ForeignNetwork
from latentscape.autoencoder.foreign.inputs import ValueRange
from latentscape.autoencoder.foreign.load import load_encoder

__all__ = ["CodeDecoder", "ForeignEncoder", "ForeignNetwork", "ValueRange", "load_encoder"]
