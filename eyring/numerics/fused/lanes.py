"""Numbers of a compiled program, several side by side: arithmetic on them writes the machine's vector instructions.

A function written with ``+``, ``where`` and ``fused_multiply_add`` on Lanes serves a whole vector of float64 (the formula kernels), and one float64
or float32 inside a numba loop, which the compiler widens: the arithmetic is spelled once, and without branches, so that lanes run together.
"""

from dataclasses import dataclass
from typing import Any

__all__ = ["Bits", "Lanes", "Test", "from_bits", "fused_multiply_add", "root", "rounded_down", "rounded_up", "where"]


@dataclass(frozen=True, eq=False)
class _Word:
    """A value of the program under construction.

    Attributes:
        builder: Writes instructions; llvmlite's or numba's.
        value: The instruction that holds the value.
    """

    builder: Any
    value: Any

    def constant(self, number: float) -> Any:
        """Return ``number`` in every lane."""
        kind = self.value.type
        ir = _ir()
        return ir.Constant(kind, [number] * kind.count if isinstance(kind, ir.VectorType) else number)

    def _other(self, other: Any) -> Any:
        return other.value if isinstance(other, _Word) else self.constant(other)


class Lanes(_Word):
    """Floating-point numbers side by side; ``+ - * /`` and comparisons, each rounded once."""

    @property
    def single(self) -> bool:
        """Whether the numbers are float32."""
        return str(getattr(self.value.type, "element", self.value.type)) == "float"

    def lift(self, number: float) -> "Lanes":
        """Return ``number`` in every lane."""
        return Lanes(self.builder, self.constant(number))

    def __add__(self, other: Any) -> "Lanes":
        return Lanes(self.builder, self.builder.fadd(self.value, self._other(other)))

    def __sub__(self, other: Any) -> "Lanes":
        return Lanes(self.builder, self.builder.fsub(self.value, self._other(other)))

    def __mul__(self, other: Any) -> "Lanes":
        return Lanes(self.builder, self.builder.fmul(self.value, self._other(other)))

    def __truediv__(self, other: Any) -> "Lanes":
        return Lanes(self.builder, self.builder.fdiv(self.value, self._other(other)))

    def __rsub__(self, other: float) -> "Lanes":
        return self.lift(other) - self

    def __rtruediv__(self, other: float) -> "Lanes":
        return self.lift(other) / self

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> "Lanes":
        return Lanes(self.builder, self.builder.fneg(self.value))

    def __abs__(self) -> "Lanes":
        return Lanes(self.builder, _intrinsic(self, "fabs", self))

    def compare(self, relation: str, other: Any) -> "Test":
        """Return the truth of ``self relation other``; false where either is not a number, but for != ."""
        ordered = self.builder.fcmp_unordered if relation == "!=" else self.builder.fcmp_ordered
        return Test(self.builder, ordered(relation, self.value, self._other(other)))

    def __lt__(self, other: Any) -> "Test":
        return self.compare("<", other)

    def __gt__(self, other: Any) -> "Test":
        return self.compare(">", other)

    @property
    def bits(self) -> "Bits":
        """The numbers' bits, as whole numbers of the same width."""
        ir = _ir()
        whole, kind = ir.IntType(32 if self.single else 64), self.value.type
        return Bits(self.builder, self.builder.bitcast(self.value, ir.VectorType(whole, kind.count) if isinstance(kind, ir.VectorType) else whole))


class Bits(_Word):
    """Whole numbers side by side, as wide as the floating-point numbers; they wrap around."""

    def __add__(self, other: Any) -> "Bits":
        return Bits(self.builder, self.builder.add(self.value, self._other(other)))

    def __sub__(self, other: Any) -> "Bits":
        return Bits(self.builder, self.builder.sub(self.value, self._other(other)))

    def __and__(self, other: Any) -> "Bits":
        return Bits(self.builder, self.builder.and_(self.value, self._other(other)))

    def __or__(self, other: Any) -> "Bits":
        return Bits(self.builder, self.builder.or_(self.value, self._other(other)))

    def __lshift__(self, count: int) -> "Bits":
        return Bits(self.builder, self.builder.shl(self.value, self.constant(count)))

    def __rshift__(self, count: int) -> "Bits":
        """Shift zeros in from the left."""
        return Bits(self.builder, self.builder.lshr(self.value, self.constant(count)))


class Test(_Word):
    """A yes or no in every lane."""

    def __and__(self, other: "Test") -> "Test":
        return Test(self.builder, self.builder.and_(self.value, other.value))

    def __or__(self, other: "Test") -> "Test":
        return Test(self.builder, self.builder.or_(self.value, other.value))

    def __invert__(self) -> "Test":
        return Test(self.builder, self.builder.not_(self.value))


def where(test: Test, yes: Any, no: Any) -> Lanes:
    """Return ``yes`` in the lanes where the test holds, ``no`` in the others; one of the two may be a plain number."""
    model = yes if isinstance(yes, Lanes) else no
    return Lanes(test.builder, test.builder.select(test.value, model._other(yes), model._other(no)))


def from_bits(bits: Bits, like: Lanes) -> Lanes:
    """Return the floating-point numbers with these bits."""
    return Lanes(bits.builder, bits.builder.bitcast(bits.value, like.value.type))


def fused_multiply_add(a: Lanes, b: Any, c: Any) -> Lanes:
    """Return a b + c, rounded once."""
    return Lanes(a.builder, _intrinsic(a, "fma", a, b, c))


def root(a: Lanes) -> Lanes:
    """Return the square root, rounded once; not a number where a < 0."""
    return Lanes(a.builder, _intrinsic(a, "sqrt", a))


def rounded_down(a: Lanes) -> Lanes:
    """Return the largest whole number not above a."""
    return Lanes(a.builder, _intrinsic(a, "floor", a))


def rounded_up(a: Lanes) -> Lanes:
    """Return the smallest whole number not below a."""
    return Lanes(a.builder, _intrinsic(a, "ceil", a))


def _intrinsic(a: Lanes, name: str, *arguments: Any) -> Any:
    """Return LLVM's elementary operation of this name, which is one instruction for every kind of lane."""
    ir, kind, module = _ir(), a.value.type, a.builder.module
    width = f"v{kind.count}" if isinstance(kind, ir.VectorType) else ""
    full = f"llvm.{name}.{width}{'f32' if a.single else 'f64'}"
    function = module.globals.get(full) or ir.Function(module, ir.FunctionType(kind, [kind] * len(arguments)), name=full)
    return a.builder.call(function, [a._other(x) for x in arguments])


def _ir() -> Any:
    from llvmlite import ir  # type: ignore[import-untyped]

    return ir
