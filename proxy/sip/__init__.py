"""The SIP message layer of RFC 3261 §7, on bytes."""
