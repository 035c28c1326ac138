"""Makes distributions.json: values to 50 digits with mpmath (1.4.1), independent of the formulas under test.

    pip install mpmath && python distributions.py > distributions.json

Small parameters go through mpmath's own hypergeometric functions; large ones, where those do not converge, through
quadrature of the density outwards from the point.
"""
import json

from mpmath import betainc, erfc, exp, gammainc, inf, log, loggamma, mp, mpf, pi, quad, sqrt

mp.dps = 50


def piece(log_density, a, b):
    """Integral of exp(log_density), scaled first: quad stops at an absolute error."""
    top = max(log_density(a), log_density(b))
    return exp(top) * abs(quad(lambda z: exp(log_density(z) - top), [a, b]))


def tail(log_density, start, step, end):
    """Integral from start towards end (which is never touched) in growing pieces until they vanish."""
    total, at = mpf(0), mpf(start)
    while True:
        nxt = at + step
        if (step < 0 and nxt <= end) or (step > 0 and nxt >= end):
            nxt = (at + end) / 2
        part = piece(log_density, at, nxt)
        total += part
        if part <= total * mpf(10) ** -35:
            return total
        at, step = nxt, step * mpf("1.2")


def student_tail(t, v):
    if v <= 100:
        return betainc(v / 2, mpf(1) / 2, 0, v / (v + t * t), regularized=True) / 2
    c = loggamma((v + 1) / 2) - loggamma(v / 2) - log(v * pi) / 2
    return tail(lambda z: c - (v + 1) / 2 * log(1 + z * z / v), t, mpf(1) / 4, inf)


def gamma_tails(a, x):
    if a <= 200:
        mp.dps = 400
        both = gammainc(a, 0, x, regularized=True), gammainc(a, x, inf, regularized=True)
        mp.dps = 50
        return both
    logd = lambda z: (a - 1) * log(z) - z - loggamma(a)
    down = x < a
    total = tail(logd, x, -sqrt(a) / 8 if down else sqrt(a) / 8, mpf(0) if down else inf)
    return (total, 1 - total) if down else (1 - total, total)


def beta_tails(a, b, x):
    a, b, x = mpf(a), mpf(b), mpf(x)
    if max(a, b) <= 400 or min(a, b) < 1:
        return betainc(a, b, 0, x, regularized=True), betainc(b, a, 0, 1 - x, regularized=True)
    const = loggamma(a) + loggamma(b) - loggamma(a + b)
    logd = lambda z: (a - 1) * log(z) + (b - 1) * log(1 - z) - const
    sd = sqrt(a * b / ((a + b) ** 2 * (a + b + 1)))
    if x <= a / (a + b):
        low = tail(logd, x, -sd / 8, mpf(0))
        return low, 1 - low
    up = tail(logd, x, sd / 8, mpf(1))
    return 1 - up, up


def kept(*values):
    """Both tails must be ordinary doubles."""
    return all(v > mpf("1e-290") for v in values)


normal = []
for x in [-37, -20, -8.25, -5, -3.01, -2, -1.999, -1, -0.3, -1e-9, 0, 1e-5, 0.1, 0.67, 1.5, 1.96, 2.0001, 2.7, 3, 4.4, 6.1, 15, 25, 36]:
    normal.append([x, float(erfc(-mpf(x) / sqrt(2)) / 2), float(erfc(mpf(x) / sqrt(2)) / 2)])

student = []
for v in [0.3, 1, 1.5, 2, 3, 5, 10, 29.7, 30, 100, 1000, 12345.6, 99999, 100001, 1e6, 1e8]:
    for t in [1e-6, 0.01, 0.5, 1, 1.7, 2.5, 4, 7, 12, 30, 100]:
        up = student_tail(mpf(t), mpf(v))
        if kept(up):
            student.append([t, v, float(1 - up), float(up)])

chi_square = []
for v in [0.1, 0.5, 1, 2, 3, 5, 10, 31, 100, 1000, 54321, 1e6]:
    for f in [1e-8, 1e-3, 0.1, 0.5, 0.9, 0.99, 1, 1.01, 1.1, 1.5, 2, 5, 20, 100]:
        if v > 1000 and abs(f - 1) > 0.05:
            continue
        low, up = gamma_tails(mpf(v) / 2, mpf(v * f) / 2)
        if kept(low, up):
            chi_square.append([v * f, v, float(low), float(up)])

beta = []
for a, b in [(0.1, 0.1), (0.5, 0.5), (0.5, 3), (1, 1), (1, 20), (2, 5), (0.3, 50), (5, 0.7), (8, 8), (30, 0.2), (100, 3), (500, 1500), (1e4, 2e4), (5e5, 5e5), (1e6, 10)]:
    m = a / (a + b)
    sd = (a * b / ((a + b) ** 2 * (a + b + 1))) ** 0.5
    for x in sorted({1e-10, 1e-3, 0.05, 0.25, 0.5, 0.75, 0.95, 0.999, *[m + k * sd for k in (-8, -3, -1, -0.1, 0, 0.1, 1, 3, 8)]}):
        if 0 < x < 1:
            low, up = beta_tails(a, b, x)
            if kept(low, up):
                beta.append([x, a, b, float(low), float(up)])

print(json.dumps({"source": "mpmath 1.4.1, 50 digits, distributions.py", "normal": normal, "student": student, "chi_square": chi_square, "beta": beta}))
