"""The grammar of RFC 3261 §25.1, as far as a proxy reads it: patterns below their ABNF, deviations argued."""

from __future__ import annotations

import re
from typing import Final

# All patterns work on octets whose folding has been undone (RFC 3261 §7.3.1), so LWS is [ \t] here.

#   token       =  1*(alphanum / "-" / "." / "!" / "%" / "*" / "_" / "+" / "`" / "'" / "~" )
_TOKEN: Final = rb"[A-Za-z0-9\-.!%*_+`'~]+"
TOKEN: Final = re.compile(_TOKEN)

#   Request-Line  =  Method SP Request-URI SP SIP-Version CRLF
#   SIP-Version   =  "SIP" "/" 1*DIGIT "." 1*DIGIT
# The separators are exactly one SP each (RFC 4475 §3.1.2.9, §3.1.2.10).
REQUEST_LINE: Final = re.compile(rb"(" + _TOKEN + rb") ([^\x00-\x20\x7f]+) ([Ss][Ii][Pp]/[0-9]+\.[0-9]+)")

#   Status-Line  =  SIP-Version SP Status-Code SP Reason-Phrase CRLF
# The SP before an empty phrase is left out by some senders; nothing is ambiguous without it.
STATUS_LINE: Final = re.compile(rb"[Ss][Ii][Pp]/2\.0 ([1-6][0-9][0-9])(?: ([^\r\n]*))?")

PORT: Final = re.compile(rb"[0-9]{1,5}")
MAX_PORT: Final = 65535

#   quoted-string  =  SWS DQUOTE *(qdtext / quoted-pair ) DQUOTE
#   quoted-pair    =  "\" (%x00-09 / %x0B-0C / %x0E-7F)
_QUOTED: Final = rb'"[^"\\]*(?:\\[\x00-\x09\x0b\x0c\x0e-\x7f][^"\\]*)*"'
# The same, taking an unterminated one up to the end (group 1 empty): a search that never starts over is linear.
QUOTED_OR_OPEN: Final = re.compile(rb'"[^"\\]*(?:\\[\x00-\xff][^"\\]*)*("|\\?\Z)')
QUOTED_PAIR: Final = re.compile(rb"\\([\x00-\x09\x0b\x0c\x0e-\x7f])")

#   generic-param  =  token [ EQUAL gen-value ]
#   gen-value      =  token / host / quoted-string
# Values are read more widely than token (tags with "@" or "/" exist); what ends them is unambiguous.
_VALUE: Final = _QUOTED + rb"|[^\x00-\x20\x7f;,\"<>]+"
PARAM: Final = re.compile(rb"[ \t]*;[ \t]*(" + _TOKEN + rb")(?:[ \t]*=[ \t]*(" + _VALUE + rb"))?")
_PARAMS: Final = rb"(?:[ \t]*;[ \t]*" + _TOKEN + rb"(?:[ \t]*=[ \t]*(?:" + _VALUE + rb"))?)*"

#   name-addr     =  [ display-name ] LAQUOT addr-spec RAQUOT
#   display-name  =  *(token LWS)/ quoted-string
# Unquoted UTF-8 in a display name is no token, but reads the same to everyone; it is let through.
# There is no white space inside the angle brackets (RFC 4475 §3.1.2.14).
_PLAIN_NAME: Final = rb"[A-Za-z0-9\-.!%*_+`'~\x80-\xff][A-Za-z0-9\-.!%*_+`'~\x80-\xff \t]*"
_BRACKETED: Final = rb"<([A-Za-z][^\x00-\x20\x7f\"<>]*)>"
NAME_ADDR: Final = re.compile(
    rb"(?:(" + _QUOTED + rb")[ \t]*|(" + _PLAIN_NAME + rb")?)" + _BRACKETED + rb"(" + _PARAMS + rb")[ \t]*"
)
#   ( name-addr / addr-spec ): without angle brackets no comma, question mark or semicolon is the URI's (§20.10).
ADDR_SPEC: Final = re.compile(rb"([A-Za-z][A-Za-z0-9+.\-]*:[^\x00-\x20\x7f\"<>,;?]*)(" + _PARAMS + rb")[ \t]*")

#   via-parm       =  sent-protocol LWS sent-by *( SEMI via-params )
#   sent-protocol  =  protocol-name SLASH protocol-version SLASH transport
#   sent-by        =  host [ COLON port ]
_HOST: Final = rb"[A-Za-z0-9\-._]+|\[[0-9A-Fa-f:.]+\]"
VIA: Final = re.compile(
    rb"[Ss][Ii][Pp][ \t]*/[ \t]*2\.0[ \t]*/[ \t]*("
    + _TOKEN
    + rb")[ \t]+("
    + _HOST
    + rb")(?:[ \t]*:[ \t]*([0-9]{1,5}))?("
    + _PARAMS
    + rb")[ \t]*"
)

# The Via that nearly every peer sends, so that the common case is one match.
PLAIN_VIA: Final = re.compile(
    rb"SIP/2\.0/UDP ([A-Za-z0-9\-._]+)(?::([0-9]{1,5}))?(;branch=([A-Za-z0-9\-.!%*_+`'~]+)(;rport)?)"
)

# A response as nearly every peer returns it, up to its first Via line: white space after the colon, parameters that
# the peer may have added, and more values on the line (group 4), which no quoted string makes ambiguous.
USUAL_RESPONSE: Final = re.compile(
    rb"SIP/2\.0 ([1-6][0-9][0-9] [^\r\n]*)\r\n"
    rb"Via:[ \t]*SIP/2\.0/UDP ([A-Za-z0-9\-._:\[\]]+);branch=([A-Za-z0-9\-.!%*_+`'~]+)(?:;[A-Za-z0-9\-.=:]+)*[ \t]*"
    rb"(?:,[ \t]*([^\x00-\x1f,\"]+(?:,[^\x00-\x1f,\"]+)*))?\r\n(?![ \t])"
)

#   CSeq  =  "CSeq" HCOLON 1*DIGIT LWS Method
CSEQ: Final = re.compile(rb"([0-9]{1,10})[ \t]+(" + _TOKEN + rb")")
SHORT_CSEQ: Final = re.compile(rb"[ \t]*[0-9]{1,9}[ \t]+(" + _TOKEN + rb")[ \t]*\r\n")  # surely below MAX_CSEQ
MAX_CSEQ: Final = 2**31 - 1  # RFC 3261 §8.1.1.5

#   callid  =  word [ "@" word ]
CALL_ID: Final = re.compile(rb"[^\x00-\x20\x7f@,;]+(?:@[^\x00-\x20\x7f@,;]+)?")

#   Max-Forwards    =  "Max-Forwards" HCOLON 1*DIGIT
MAX_FORWARDS: Final = re.compile(rb"0*[0-9]{1,3}")  # RFC 4475 §3.1.1.1 sends 0068
#   Content-Length  =  ( "Content-Length" / "l" ) HCOLON 1*DIGIT
CONTENT_LENGTH: Final = re.compile(rb"[0-9]{1,9}")
SHORT_LENGTH: Final = re.compile(rb"[ \t]*([0-9]{1,9})[ \t]*\r\n")

#   Retry-After  =  "Retry-After" HCOLON delta-seconds [ comment ] *( SEMI retry-param ), as a line of a message
RETRY_AFTER_LINE: Final = re.compile(
    rb"\r\nRetry-After[ \t]*:(?:\r\n[ \t]|[ \t])*([0-9]{1,10})?[^\r\n]*(?:\r\n[ \t][^\r\n]*)*", re.IGNORECASE
)

#   SIP-URI   =  "sip:" [ userinfo ] hostport uri-parameters [ headers ]
#   userinfo  =  ( user / telephone-subscriber ) [ ":" password ] "@"
# "@" stands in no other part unescaped, so a second one is a fault, not a user.
SIP_URI: Final = re.compile(
    rb"([Ss][Ii][Pp][Ss]?):(?:([^\x00-\x20\x7f@:<>\"]+)(?::([^\x00-\x20\x7f@<>\"]*))?@)?("
    + _HOST
    + rb")(?::([0-9]{1,5}))?((?:;[^\x00-\x20\x7f;?@<>\"]*)*)(?:\?([^\x00-\x20\x7f@<>\"]*))?"
)
#   telephone-uri  =  "tel:" telephone-subscriber  (RFC 3966 §3)
TEL_URI: Final = re.compile(rb"([Tt][Ee][Ll]):([^\x00-\x20\x7f;@<>\"?]+)((?:;[^\x00-\x20\x7f;@<>\"?]*)*)")
#   urn:service:sos (RFC 5031 §4.2)
SOS_URN: Final = re.compile(rb"[Uu][Rr][Nn]:[Ss][Ee][Rr][Vv][Ii][Cc][Ee]:([Ss][Oo][Ss](?:\.[A-Za-z0-9\-]+)*)")
SCHEME: Final = re.compile(rb"([A-Za-z][A-Za-z0-9+.\-]*):")
URI_PARAM: Final = re.compile(rb";([^=;]+)(?:=([^;]*))?")
ESCAPE: Final = re.compile(rb"%([0-9A-Fa-f]{2})")

# Whole lines of requests as nearly every peer writes them: one match instead of cutting, stripping and reading.
# What they do not match, such as a folded line, is read by the patterns above.
_PLAIN_TAGGED: Final = (
    rb'(?:("[^"\\\r]*")[ \t]*|(' + _PLAIN_NAME + rb"))?" + _BRACKETED + rb"(;tag=([^\x00-\x20\x7f;,\"<>]+))?"
)
FROM_LINE: Final = re.compile(rb"From: " + _PLAIN_TAGGED)
TO_LINE: Final = re.compile(rb"To: " + _PLAIN_TAGGED)
VIA_LINE: Final = re.compile(rb"Via: " + PLAIN_VIA.pattern)
CALL_ID_LINE: Final = re.compile(rb"Call-ID: (" + CALL_ID.pattern + rb")")
CSEQ_LINE: Final = re.compile(rb"CSeq: ([0-9]{1,9}) (" + _TOKEN + rb")")  # surely below MAX_CSEQ
PLAIN_SIP_URI: Final = re.compile(rb"sip:(?:([^\x00-\x20\x7f@:;?<>\"]+)@)?([A-Za-z0-9\-._]+)(?::([0-9]{1,5}))?")

# Octets that may stand bare in a header field: HT, printable ASCII and UTF-8. Anything else is a line break,
# inside a quoted-pair, or a fault.
PLAIN_OCTETS: Final = bytes([0x09, *range(0x20, 0x7F), *range(0x80, 0x100)])
