"""Salmon et al.'s Philox in Python's whole numbers, and the answers known of it."""

CONSTANTS = {32: (0xD2511F53, 0xCD9E8D57, 0x9E3779B9, 0xBB67AE85), 64: (0xD2E7470EE14C6C93, 0xCA5A826395121157, 0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)}
KNOWN = [  # Random123's known answers
    ((0,) * 4, (0,) * 2, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((2**32 - 1,) * 4, (2**32 - 1,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    ((0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0), (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)),
]


def philox(counter, key, bits=32):
    """Return four words of 32 bits (or 64) by ten rounds."""
    (a, b, c, d), (k, m) = counter, key
    one, other, turn, twist = CONSTANTS[bits]
    for _ in range(10):
        p, q = one * a, other * c
        a, b, c, d = q >> bits ^ b ^ k, q % 2**bits, p >> bits ^ d ^ m, p % 2**bits
        k, m = (k + turn) % 2**bits, (m + twist) % 2**bits
    return a, b, c, d
