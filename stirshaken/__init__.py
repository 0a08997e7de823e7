"""STIR/SHAKEN (RFC 8224, 8225, 8226, 8588): Identity fields and certificates in, verdicts out; no proxy, no clock."""
