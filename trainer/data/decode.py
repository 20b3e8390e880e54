"""Former place of `trainer.data.cache.decode`, for code that imports it from here."""

from trainer.data.cache.decode import UndecodableError, decode, decoding_warnings

__all__ = ["UndecodableError", "decode", "decoding_warnings"]
