"""How likely a similarity is if two groups of photos show one person, and if they show two.

A *similarity* here is a cosine that is 0 for the usual pair of different people and 1 for equal photos,
whatever the network. Everything is estimated from the set that is checked, so no constant is one network's:

* Photos of one person have the similarity ``agreement``; the means of groups of n and m of them have
  ``sqrt(R(n) R(m))``, where ``R(n) = n a / (1 + (n - 1) a)`` is the reliability of a mean (Spearman and
  Brown, 1910). In Fisher's z (1915) they scatter around it by about the same ``spread`` whatever n and m,
  with a tail of poor photos below.
* Photos of different people are compared by adaptive symmetric normalisation (Matejka et al., Analysis of
  score normalization in multilingual speaker recognition, 2017): how many standard deviations a similarity
  lies above those that each side has with its nearest others. That makes a common face and a rare one
  comparable.
* The best of all other people is higher than any one of them, and more so in a larger set. Its distribution
  is Gumbel's, fitted to the *second* best: the best may be the same person under another name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from facedata.types import Float64Array, Int64Array

Counts = Int64Array | int
"""Numbers of photos."""

_ALMOST_ONE = 0.995
_SIMILAR_OTHERS = 0.15
"""Of photos under a wrong name, the share whose name is that of the most similar other person: a mistake is
made more easily between similar people, and the own name may be one of these."""

_ROOT_2_PI = float(np.sqrt(2 * np.pi))


class Nearness(NamedTuple):
    """What similarities a photo or group has with those of other people that are nearest to it.

    Attributes:
        mean: ``(n,)`` float64.
        deviation: ``(n,)`` float64, above 0.
    """

    mean: Float64Array
    deviation: Float64Array

    def take(self, rows: Int64Array | list[int]) -> Nearness:
        """Return some rows."""
        return Nearness(self.mean[rows], self.deviation[rows])

    def usual(self) -> Nearness:
        """Return the median nearness, as one row."""
        return Nearness(np.array([np.median(self.mean)]), np.array([np.median(self.deviation)]))


@dataclass(frozen=True)
class Likelihood:
    """The distributions; densities are those of the similarity, natural logarithms.

    Attributes:
        usual: the cosine of the usual pair of photos of different people.
        agreement: the similarity of the usual pair of photos of one person.
        spread: the standard deviation around what is expected of one person, in Fisher's z.
        tail: the share of poor photos, which scatter more, and below.
        other_mean: the normalised similarity of different people, its mean.
        other_deviation: its standard deviation.
        best_at: where the best of all other people lies, normalised.
        best_scale: how it scatters.
    """

    usual: float
    agreement: float
    spread: float
    tail: float = 0.02
    other_mean: float = 0.0
    other_deviation: float = 1.0
    best_at: float = 2.0
    best_scale: float = 0.7

    def expected(self, left: Counts, right: Counts) -> Float64Array:
        """Return the similarity expected of one person's groups of so many photos."""
        a = self.agreement
        reliability = [n * a / (1 + (n - 1) * a) for n in (np.asarray(left, float), np.asarray(right, float))]
        return np.asarray(np.sqrt(reliability[0] * reliability[1]))

    def log_same(self, similarity: Float64Array, left: Counts, right: Counts) -> Float64Array:
        """Return the density if both groups show one person; nearer than expected counts as expected."""
        apart = np.minimum(fisher_z(similarity) - fisher_z(self.expected(left, right)), 0) / self.spread
        poor = np.exp(-0.5 * ((apart + 1) / 2) ** 2) / 2
        density = ((1 - self.tail) * np.exp(-0.5 * apart**2) + self.tail * poor) / (self.spread * _ROOT_2_PI)
        return np.asarray(
            np.log(density + 1e-12) - np.log(1 - np.minimum(np.abs(similarity), _ALMOST_ONE) ** 2)
        )

    def log_best(self, similarity: Float64Array, left: Nearness, right: Nearness) -> Float64Array:
        """Return the density if the right is the most similar of all other people."""
        apart = np.maximum(normalise(similarity, left, right) - self.best_at, 0) / self.best_scale
        return np.asarray(-apart - np.exp(-apart) - np.log(self.best_scale) + _log_slope(left, right))

    def log_other(self, similarity: Float64Array, left: Nearness, right: Nearness) -> Float64Array:
        """Return the density if the right is another person: any, or now and then the most similar one."""
        normal = normalise(similarity, left, right)
        apart = (normal - self.other_mean) / self.other_deviation
        anyone = -0.5 * apart**2 - np.log(self.other_deviation * _ROOT_2_PI) + _log_slope(left, right)
        best = np.where(normal > self.best_at - 1, self.log_best(similarity, left, right), -np.inf)
        return np.asarray(np.logaddexp(anyone, best + np.log(_SIMILAR_OTHERS)))

    def similarity_at(
        self,
        log_odds: float,
        sizes: tuple[int, int],
        sides: tuple[Nearness, Nearness],
        *,
        of_any: bool = False,
    ) -> float:
        """Return from which similarity the odds of one person are so high; between -.99 and .99.

        It is for people to read: decisions are made on the odds.

        Args:
            log_odds: natural logarithm.
            sizes: how many photos each of the two groups has.
            sides: how near their nearest others are, each with one row.
            of_any: against any other person, not the most similar one.
        """
        other, low, high = self.log_other if of_any else self.log_best, -0.99, 0.99
        for _ in range(40):
            middle = np.array([(low + high) / 2])
            odds = self.log_same(middle, *sizes) - other(middle, *sides)
            low, high = (float(middle[0]), high) if odds[0] < log_odds else (low, float(middle[0]))
        return high

    def chance(self, normal: Float64Array) -> Float64Array:
        """Return how many other people lie above a normalised similarity to one person, on average."""
        return np.asarray(np.exp(np.minimum((self.best_at - np.asarray(normal)) / self.best_scale, 700)))


def fisher_z(similarity: Float64Array) -> Float64Array:
    """Return Fisher's z of similarities; those of almost 1 or -1 count as .995."""
    return np.asarray(np.arctanh(np.clip(similarity, -_ALMOST_ONE, _ALMOST_ONE)))


def normalise(similarity: Float64Array, left: Nearness, right: Nearness) -> Float64Array:
    """Return similarities in standard deviations above those with each side's nearest others, on average."""
    own = (similarity - left.mean) / left.deviation
    return np.asarray((own + (similarity - right.mean) / right.deviation) / 2)


def _log_slope(left: Nearness, right: Nearness) -> Float64Array:
    """Return the logarithm of how fast the normalised similarity grows with the similarity."""
    return np.asarray(np.log((1 / left.deviation + 1 / right.deviation) / 2))


def fit_best(second: Float64Array) -> tuple[float, float]:
    """Fit where the best of all others lies, and its scale, to the second best of each person.

    If people above a similarity are as many as a Poisson number of mean m, the best lies above it with a
    chance of 1 - exp(-m), the second best with 1 - (1 + m) exp(-m). So m is known at some quantiles of the
    second best; its logarithm falls in a straight line where the tail is exponential.

    Args:
        second: ``(n,)`` float64, normalised similarities, n at least 2.
    """
    share = np.array([0.05, 0.1, 0.2, 0.3, 0.4])
    low, high = np.zeros(len(share)), np.full(len(share), 20.0)
    for _ in range(60):
        mean = (low + high) / 2
        too_low = 1 - (1 + mean) * np.exp(-mean) < share
        low, high = np.where(too_low, mean, low), np.where(too_low, high, mean)
    at = np.quantile(second, 1 - share)
    slope = float(np.polyfit(at, np.log(low), 1)[0]) if np.ptp(at) > 0 else -1.0
    scale = float(np.clip(-1 / slope if slope < 0 else np.inf, 0.2, 3.0))
    return float(np.mean(at + scale * np.log(low))), scale
