"""How well scores separate spam from ham."""


def auc(ham, spam):
    """The chance that a spam message scores above a ham message; equal ones count half."""
    if not ham or not spam:
        return float("nan")
    ordered = sorted([(s, 0) for s in ham] + [(s, 1) for s in spam])
    total, at = 0.0, 0
    while at < len(ordered):
        end = at
        while end < len(ordered) and ordered[end][0] == ordered[at][0]:
            end += 1
        rank = (at + 1 + end) / 2
        total += rank * sum(kind for _, kind in ordered[at:end])
        at = end
    return (total - len(spam) * (len(spam) + 1) / 2) / (len(ham) * len(spam))


def recall(ham, spam, most):
    """Of the spam, what lies above all but a share `most` of the ham."""
    falling = sorted(ham, reverse=True)
    limit = falling[min(int(len(ham) * most), len(falling) - 1)]
    return sum(score > limit for score in spam) / len(spam)


def share(scores, limit):
    return sum(score >= limit for score in scores) / len(scores) if scores else float("nan")
