"""Makes tests.json: SciPy's and statsmodels' values for the tests, divergences and distances.

    pip install scipy==1.17.1 statsmodels==0.14 && python tests.py > tests.json
"""
import json
import warnings

import numpy as np
import scipy.stats as st
from scipy.spatial.distance import jensenshannon
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint, proportions_ztest
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

warnings.simplefilter("ignore")
rng = np.random.default_rng(11)

ks = []
for n, m, shift, digits in [(3, 4, 1, 3), (7, 5, 0, 0), (20, 20, 0.5, 3), (60, 80, 0.3, 2), (101, 100, 0.1, 3), (50, 150, 2, 3), (128, 256, 0.2, 1)]:
    a = np.round(rng.normal(size=n), digits)
    b = np.round(rng.normal(size=m) + shift, digits)
    r = st.ks_2samp(a, b)
    ks.append({"a": a.tolist(), "b": b.tolist(), "statistic": r.statistic, "p": r.pvalue, "wasserstein": st.wasserstein_distance(a, b)})

# p-values alone, for sizes whose samples are too large to keep: evenly spaced samples, the second one moved.
large = []
for n, m, shift in [(10000, 10000, 0.02), (10000, 9999, 0.02), (9000, 6000, 0.015), (20000, 5000, 0.01), (20000, 5000, 0.03), (20000, 30, 0.2), (20000, 100, 0.05), (400000, 300, 0.07), (50000, 50000, 0.004), (200000, 100000, 0.004)]:
    a = (np.arange(n) + 0.5) / n
    b = (np.arange(m) + 0.5) / m + shift
    r = st.ks_2samp(a, b)
    large.append([n, m, shift, r.statistic, r.pvalue])

kstwo = []
for n in [1, 2, 3, 10, 50, 140, 141, 500, 3000, 99999, 100001, 1000000, 3000000]:
    for z in [0.3, 0.45, 0.7, 0.9, 1.1, 1.36, 1.48, 1.7, 2.1, 3, 5]:
        d = z / n**0.5
        if d < 1:
            kstwo.append([n, d, st.kstwo.sf(d, n)])

chi = []
for observed, weights in [([10, 20, 30], [1, 1, 1]), ([16, 18, 16, 14, 12, 12], [16, 16, 16, 16, 16, 8]), ([500, 480], [1, 1]), ([5, 0, 95], [10, 5, 85])]:
    o, w = np.array(observed, float), np.array(weights, float)
    r = st.chisquare(o, w * o.sum() / w.sum())
    chi.append({"observed": observed, "weights": weights, "statistic": r.statistic, "p": r.pvalue})

welch = []
for n, m, d, s in [(5, 8, 1, 1), (30, 300, 0.2, 3), (1000, 900, 0.01, 0.5)]:
    a, b = rng.normal(2, 1, n), rng.normal(2 + d, s, m)
    r = st.ttest_ind(b, a, equal_var=False)
    low, high = CompareMeans(DescrStatsW(b), DescrStatsW(a)).tconfint_diff(alpha=0.05, usevar="unequal")
    welch.append({"a": [n, a.mean(), a.var(ddof=1)], "b": [m, b.mean(), b.var(ddof=1)], "statistic": r.statistic, "p": r.pvalue, "df": r.df, "low": low, "high": high})

proportions = []
for x, n, y, m in [(40, 100, 55, 100), (3, 50, 9, 60), (0, 20, 4, 25), (500, 10000, 560, 10000)]:
    z, p = proportions_ztest([y, x], [m, n])
    low, high = confint_proportions_2indep(y, m, x, n, method="newcomb", compare="diff")
    wilson = proportion_confint(x, n, method="wilson")
    proportions.append({"a": [x, n], "b": [y, m], "statistic": z, "p": p, "low": low, "high": high, "wilson": wilson})

pairs = []
for r, c in [([1, 2, 3], [3, 2, 1]), ([10, 0, 5, 5], [4, 4, 0, 12]), ([7, 7], [7, 7]), ([100, 1, 0], [0, 1, 100])]:
    r, c = np.array(r, float), np.array(c, float)
    pairs.append({"reference": r.tolist(), "current": c.tolist(), "jensen_shannon": float(jensenshannon(r, c)),
                  "entropy": float(st.entropy(r, c)) if (c[r > 0] > 0).all() else None})

print(json.dumps({"source": "SciPy 1.17.1, statsmodels, tests.py", "ks": ks, "ks_large": large, "kstwo": kstwo, "chi_square": chi, "welch": welch, "proportions": proportions, "pairs": pairs}, default=float))
