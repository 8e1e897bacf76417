"""The few DER encoders (X.690) that time-stamp tokens and their refusals need."""

SEQUENCE, SET, INTEGER, BIT_STRING, OCTET_STRING, NULL, UTF8, TIME = 0x30, 0x31, 0x02, 0x03, 0x04, 0x05, 0x0C, 0x18


def tlv(tag: int, *parts: bytes) -> bytes:
    """One element: identifier octet, definite length, concatenated contents."""
    body = b"".join(parts)
    size = len(body)
    if size < 0x80:
        return bytes((tag, size)) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + body


def integer(value: int) -> bytes:
    return tlv(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def oid(dotted: str) -> bytes:
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    out = bytearray()
    for arc in (first * 40 + second, *rest):
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(0x80 | (arc & 0x7F))
        out += bytes(reversed(groups))
    return tlv(0x06, bytes(out))


def set_of(*elements: bytes, tag: int = SET) -> bytes:
    """SET OF in DER: elements in ascending order of their encodings (X.690 11.6)."""
    return tlv(tag, *sorted(elements))


def named_bits(bit: int) -> bytes:
    """A BIT STRING of named bits with one bit set, trailing zero bits removed (X.690 11.2.2)."""
    data = bytearray(bit // 8 + 1)
    data[-1] = 0x80 >> (bit % 8)
    return tlv(BIT_STRING, bytes((7 - bit % 8,)), bytes(data))
