"""The proxy core of RFC 3261 §16: octets and the time in, actions out."""
