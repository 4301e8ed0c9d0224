"""Prints the size of a PNG of 8-bit RGB or RGBA, and its colours in the order in which they come."""

import struct
import sys
import zlib

data = open(sys.argv[1], "rb").read()
assert data[:8] == b"\x89PNG\r\n\x1a\n", "no PNG"
chunks = []
at = 8
while at < len(data):
    (size,) = struct.unpack_from(">I", data, at)
    chunks.append((data[at + 4:at + 8], data[at + 8:at + 8 + size]))
    at += 12 + size
width, height, depth, kind, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
assert depth == 8 and kind in (2, 6) and not interlaced, (depth, kind, interlaced)
each = 3 if kind == 2 else 4
packed = zlib.decompress(b"".join(body for name, body in chunks if name == b"IDAT"))

colours = {}
above = bytearray(width * each)
for y in range(height):
    start = y * (width * each + 1)
    rule, row = packed[start], bytearray(packed[start + 1:start + 1 + width * each])
    for x, byte in enumerate(row):
        left = row[x - each] if x >= each else 0
        up = above[x]
        corner = above[x - each] if x >= each else 0
        guess = left + up - corner
        near = min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))
        row[x] = (byte + (0, left, up, (left + up) // 2, near[2])[rule]) & 255
    for x in range(0, len(row), each):
        colours[row[x:x + 3].hex()] = True
    above = row
print(f"{width} x {height}:", *colours)
