# SPDX-License-Identifier: Apache-2.0
"""Writes MaxMind DB files (https://maxmind.github.io/MaxMind-DB/).

Equal input gives equal bytes: records are laid out in the order in which the
caller numbers them, tree nodes in the order in which addresses need them, and
nothing is read from the clock. Only what make-asn-database needs is here: maps
of strings to strings and unsigned integers, in a tree of IP version 6 whose
IPv4 addresses stand in ::/96. No other range is aliased to them.
"""

METADATA_MARKER = b"\xab\xcd\xefMaxMind.com"
DATA_SEPARATOR = b"\x00" * 16

# Type numbers of the specification, "Output Data Section".
_POINTER, _STRING, _UINT16, _UINT32, _MAP, _UINT64, _ARRAY = 1, 2, 5, 6, 7, 9, 11

# Below this size a string is written again: a pointer would save nothing.
_SHORTEST_SHARED_STRING_BYTES = 4


def _control(type_number, size):
    """The control byte (or bytes) of a field of this type and size."""
    if size < 29:
        low, extra = size, b""
    elif size < 285:
        low, extra = 29, bytes([size - 29])
    elif size < 65821:
        low, extra = 30, (size - 285).to_bytes(2, "big")
    else:
        low, extra = 31, (size - 65821).to_bytes(3, "big")
    if type_number < 8:
        return bytes([type_number << 5 | low]) + extra
    return bytes([low, type_number - 7]) + extra


def _unsigned(type_number, value):
    payload = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return _control(type_number, len(payload)) + payload


def _pointer(offset):
    """A pointer to `offset` of the data section, in the shortest form."""
    if offset < 1 << 11:
        return bytes([_POINTER << 5 | offset >> 8, offset & 0xFF])
    if offset < 2048 + (1 << 19):
        value = offset - 2048
        return bytes([_POINTER << 5 | 1 << 3 | value >> 16]) + (
            value & 0xFFFF
        ).to_bytes(2, "big")
    if offset < 526336 + (1 << 27):
        value = offset - 526336
        return bytes([_POINTER << 5 | 2 << 3 | value >> 24]) + (
            value & 0xFFFFFF
        ).to_bytes(3, "big")
    return bytes([_POINTER << 5 | 3 << 3]) + offset.to_bytes(4, "big")


def _string(text):
    payload = text.encode("utf-8")
    return _control(_STRING, len(payload)) + payload


class DataSection:
    """The values of a database. Strings that repeat become pointers."""

    def __init__(self):
        self._bytes = bytearray()
        self._string_offsets = {}

    def __len__(self):
        return len(self._bytes)

    def to_bytes(self):
        return bytes(self._bytes)

    def add_map(self, fields):
        """Appends a map of str to str or int (as uint32); gives its offset."""
        offset = len(self._bytes)
        self._bytes += _control(_MAP, len(fields))
        for key, value in fields.items():
            self._add_string(key)
            if isinstance(value, str):
                self._add_string(value)
            else:
                self._bytes += _unsigned(_UINT32, value)
        return offset

    def _add_string(self, text):
        known = self._string_offsets.get(text)
        if known is not None:
            self._bytes += _pointer(known)
            return
        if len(text) >= _SHORTEST_SHARED_STRING_BYTES:
            self._string_offsets[text] = len(self._bytes)
        self._bytes += _string(text)


class SearchTree:
    """A binary trie over 128-bit addresses. Prefixes must not overlap."""

    # A child is a node number (>= 0), _EMPTY, or -2 - index of a record.
    _EMPTY = -1

    def __init__(self):
        self._children = [[self._EMPTY, self._EMPTY]]
        self._ipv4_root = self._descend(0, 0, 96)

    def __len__(self):
        return len(self._children)

    def insert(self, address, length, record_index, is_ipv4):
        """Maps a prefix of at least one bit to a record."""
        bits, root = (32, self._ipv4_root) if is_ipv4 else (128, 0)
        path = address >> bits - length
        node = self._descend(root, path >> 1, length - 1)
        side = path & 1
        if self._children[node][side] != self._EMPTY:
            raise ValueError(f"prefix {address:#x}/{length} overlaps another")
        self._children[node][side] = -2 - record_index

    def _descend(self, node, path, length):
        """The node that the low `length` bits of `path` lead to; made if new."""
        children = self._children
        for shift in range(length - 1, -1, -1):
            side = path >> shift & 1
            child = children[node][side]
            if child == self._EMPTY:
                child = len(children)
                children.append([self._EMPTY, self._EMPTY])
                children[node][side] = child
            elif child < 0:
                raise ValueError("a prefix lies inside another")
            node = child
        return node

    def to_bytes(self, record_offsets, data_bytes):
        """The encoded tree and its record size in bits."""
        node_count = len(self._children)
        largest = node_count + len(DATA_SEPARATOR) + data_bytes
        for record_size in (24, 28, 32):
            if largest < 1 << record_size:
                break
        else:
            raise ValueError("the database is larger than its format allows")

        def value(child):
            if child >= 0:
                return child
            if child == self._EMPTY:
                return node_count
            return node_count + len(DATA_SEPARATOR) + record_offsets[-2 - child]

        encoded = bytearray()
        for left, right in self._children:
            left, right = value(left), value(right)
            if record_size == 28:
                middle = left >> 24 << 4 | right >> 24
                encoded += (left & 0xFFFFFF).to_bytes(3, "big")
                encoded.append(middle)
                encoded += (right & 0xFFFFFF).to_bytes(3, "big")
            else:
                encoded += left.to_bytes(record_size // 8, "big")
                encoded += right.to_bytes(record_size // 8, "big")
        return bytes(encoded), record_size


def metadata(node_count, record_size, database_type, description, build_epoch):
    """The metadata section, marker included."""
    fields = (
        ("binary_format_major_version", _unsigned(_UINT16, 2)),
        ("binary_format_minor_version", _unsigned(_UINT16, 0)),
        ("build_epoch", _unsigned(_UINT64, build_epoch)),
        ("database_type", _string(database_type)),
        ("description",
         _control(_MAP, 1) + _string("en") + _string(description)),
        ("ip_version", _unsigned(_UINT16, 6)),
        ("languages", _control(_ARRAY, 1) + _string("en")),
        ("node_count", _unsigned(_UINT32, node_count)),
        ("record_size", _unsigned(_UINT16, record_size)),
    )
    encoded = _control(_MAP, len(fields))
    for key, value in fields:
        encoded += _string(key) + value
    return METADATA_MARKER + encoded


def prefixes_of_range(first, last, bits):
    """The fewest prefixes (address, length) that make up first..last."""
    while first <= last:
        # As many trailing zero bits as `first` has, and as fit before `last`.
        host_bits = (first & -first).bit_length() - 1 if first else bits
        host_bits = min(host_bits, (last - first + 1).bit_length() - 1)
        yield first, bits - host_bits
        first += 1 << host_bits


def disjoint_ranges(ranges):
    """Resolves overlaps: an address belongs to the narrowest range over it.

    `ranges` are (first, last, value) in file order; of two equally wide ranges
    the one that stands later in the file wins. Gives disjoint ranges in
    address order; neighbours of one value are joined.
    """
    # Sorted by start, a range can only overlap those that follow it, so that
    # each cluster of overlapping ranges is resolved alone.
    ordered = sorted(
        (first, last, order, value)
        for order, (first, last, value) in enumerate(ranges)
    )
    result = []

    def append(first, last, value):
        if result and result[-1][1] + 1 == first and result[-1][2] == value:
            result[-1] = (result[-1][0], last, value)
        else:
            result.append((first, last, value))

    start = 0
    while start < len(ordered):
        end, reach = start + 1, ordered[start][1]
        while end < len(ordered) and ordered[end][0] <= reach:
            reach = max(reach, ordered[end][1])
            end += 1
        cluster = ordered[start:end]
        if len(cluster) == 1:
            append(cluster[0][0], cluster[0][1], cluster[0][3])
        else:
            edges = sorted({e for r in cluster for e in (r[0], r[1] + 1)})
            for left, right in zip(edges, edges[1:]):
                over = [r for r in cluster if r[0] <= left and right - 1 <= r[1]]
                if over:
                    winner = min(over, key=lambda r: (r[1] - r[0], -r[2]))
                    append(left, right - 1, winner[3])
        start = end
    return result
