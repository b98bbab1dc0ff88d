"""What batteries of tests are fed with: 32-bit words in the orders in which walkers meet them, from the compiled generators of the kernels."""

import shutil
import subprocess
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from threading import Thread

import numpy as np
from scipy.special import ndtr

from eyring.numerics.simulation.kernel.cache import kernel_module, library
from eyring.numerics.simulation.streams.normals import LANES
from eyring.numerics.simulation.streams.philox import philox_words
from eyring.numerics.simulation.streams.words import stream_words

PIECE = 2**20
SEED = 2026
DRAWING = '''
import numpy as np


@njit(**options)
def draw(words, out, begin, lane, shift):
    """Write rows of words, all lanes (lane < 0) or one; ``shift`` takes 32 bits of the sum behind a 64-bit word from there on, < 0 its own."""
    raw = np.empty(64, np.uint32)
    width = 64 if lane < 0 else 1
    for i in range(len(out) // width):
        {turn}
        if shift >= 0:
            for k in range(64):
                raw[k] = np.uint32((np.uint64(words[k]) + np.uint64(words[192 + k])) >> np.uint64(shift))
            fill_words(words, out[:64].copy(), i)
        else:
            fill_words(words, raw, i)
        if lane < 0:
            out[64 * i : 64 * i + 64] = raw
        else:
            out[i] = raw[lane]
'''


@cache
def drawing(precision, stream):
    turn = "if i % 4 == 0:\n            turn_to(words, begin + i // 4)" if stream == "philox" else "pass"
    return kernel_module(DRAWING.format(turn=turn), **library(precision, stream)).draw


def stepping(precision, stream, lane=-1, shift=-1):
    """Yield the words of a block step by step, of all its lanes or of one."""
    words = (philox_words(SEED, 3 * LANES) if stream == "philox" else stream_words(SEED, 3 * LANES, precision))[2].copy()
    rows = PIECE if lane >= 0 else PIECE // LANES
    begin = 0
    while True:
        out = np.empty(PIECE, np.uint32)
        drawing(precision, stream)(words, out, begin, lane, shift)
        begin += rows // 4
        yield out


def first_words(stream):
    """Yield the first word of every walker, of 2^20 walkers a seed."""
    draw = drawing("float32", stream)
    for seed in range(10**9):
        blocks = philox_words(seed, PIECE) if stream == "philox" else stream_words(seed, PIECE, "float32")
        out = np.empty(PIECE, np.uint32)
        for block, words in enumerate(blocks):
            draw(words, out[64 * block : 64 * block + 64], 0, -1, -1)
        yield out


def from_normals(precision, stream):
    """Yield words made of normal numbers by their own law: 32 bits of each in double precision, 16 of each of two in single."""
    functions, double = library(precision, stream), precision == "float64"
    words = (philox_words(SEED, LANES) if stream == "philox" else stream_words(SEED, LANES, precision))[0].copy()
    rows, begin = PIECE // LANES * (1 if double else 2), 0
    out = np.empty(rows * LANES, np.float64 if double else np.float32)
    while True:
        if stream == "philox":
            functions["turn_to"](words, begin)
            begin += 1
        functions["fill_normals"](words, out, 0, rows // 2)
        if double:
            yield (ndtr(out) * 2.0**32).astype(np.uint64).astype(np.uint32)
        else:
            halves = np.minimum(ndtr(out.astype(float)) * 2.0**16, 65535).astype(np.uint32).reshape(-1, 2)
            yield halves[:, 0] << 16 | halves[:, 1]


SOURCES = {
    "xoshiro128++, all lanes": lambda: stepping("float32", "xoshiro"),
    "xoshiro128++, one lane": lambda: stepping("float32", "xoshiro", lane=17),
    "xoshiro128++, first words": lambda: first_words("xoshiro"),
    "xoshiro256+, upper bits, all lanes": lambda: stepping("float64", "xoshiro"),
    "xoshiro256+, bits 11 to 42, one lane": lambda: stepping("float64", "xoshiro", lane=5, shift=11),
    "Philox, all lanes": lambda: stepping("float32", "philox"),
    "Philox, one lane": lambda: stepping("float32", "philox", lane=63),
    "Philox, first words": lambda: first_words("philox"),
    "normal numbers, double": lambda: from_normals("float64", "xoshiro"),
    "normal numbers, single": lambda: from_normals("float32", "xoshiro"),
    "normal numbers, Philox": lambda: from_normals("float64", "philox"),
}


def randu():
    """Yield the words of IBM's RANDU, 65539^n shifted to the top: the planted fault."""
    powers = np.array([pow(65539, k, 2**31) for k in range(4096)], dtype=np.uint64)
    leap, state = pow(65539, 4096, 2**31), 1
    while True:
        starts = np.empty(PIECE // 4096, dtype=np.uint64)
        for i in range(len(starts)):
            starts[i], state = state, state * leap % 2**31
        yield ((starts[:, None] * powers % 2**31) << np.uint64(1)).astype(np.uint32).ravel()


PROGRAM = r"""
#include <stdio.h>
#include <string.h>
#include <TestU01.h>
static unsigned words[65536];
static unsigned have, used;
static unsigned next(void) {
    if (used == have) {
        have = (unsigned)fread(words, sizeof(unsigned), 65536, stdin), used = 0;
        if (have == 0) { fprintf(stderr, "no more words\n"); exit(3); }
    }
    return words[used++];
}
int main(int argc, char **argv) {
    unif01_Gen *gen = unif01_CreateExternGenBits("words", next);
    swrite_Basic = FALSE;
    if (!strcmp(argv[1], "SmallCrush")) bbattery_SmallCrush(gen);
    else if (!strcmp(argv[1], "Crush")) bbattery_Crush(gen);
    else if (!strcmp(argv[1], "Rabbit")) bbattery_Rabbit(gen, 33554432.0);
    else if (!strcmp(argv[1], "Alphabit")) bbattery_Alphabit(gen, 1073741824.0, 0, 32);
    for (int i = 0; i < bbattery_NTests; ++i) printf("\n@ %s\t%.17g", bbattery_TestNames[i], bbattery_pVal[i]);
    printf("\n");
    return 0;
}
"""
HOW_TO_INSTALL = "TestU01 (Debian, Ubuntu: apt-get install libtestu01-0-dev, component non-free or universe) and a C compiler are not here"


@cache
def program():
    """Return the path of a program that runs TestU01's batteries on the words of its standard input; None where it cannot be built."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    folder = Path(tempfile.mkdtemp())
    (folder / "battery.c").write_text(PROGRAM)
    include = [f"-I{root}/testu01" for root in ("/usr/include", "/usr/local/include") if Path(root, "testu01").is_dir()]
    built = subprocess.run(
        [compiler, "-O2", "-w", *include, "-o", folder / "battery", folder / "battery.c", "-ltestu01", "-ltestu01probdist", "-ltestu01mylib", "-lm"],
        capture_output=True,
        check=False,
    )
    return folder / "battery" if built.returncode == 0 else None


def p_values(source, battery):
    """Return TestU01's p values of a source, by name of the test."""
    with subprocess.Popen([program(), battery], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        said: list[bytes] = []
        reader = Thread(target=lambda: said.append(running.stdout.read()))
        reader.start()
        with suppress(BrokenPipeError):  # it has seen enough
            for piece in source:
                running.stdin.write(piece.tobytes())
        with suppress(BrokenPipeError):
            running.stdin.close()
        reader.join()
    lines = [line[2:].split("\t") for line in said[0].decode().splitlines() if line.startswith("@ ")]
    return [(name, float(p)) for name, p in lines]
