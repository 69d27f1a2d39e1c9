"""Exercise 16.5: one pass of masked prediction, which fills in many codes at once."""

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import first_difference
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.trials import Trial

UNKNOWN = -1


def drawn_by(probabilities: Tensor, uniforms: Tensor) -> Tensor:
    """(B, N, K), (B, N) -> (B, N): the first code at which the running sum exceeds the uniform."""
    below = (probabilities.cumsum(dim=-1) <= uniforms[..., None]).sum(dim=-1)
    return below.clamp(max=probabilities.shape[-1] - 1)


def sure_of(probabilities: Tensor, drawn: Tensor) -> Tensor:
    """The probability of each drawn code: (B, N)."""
    return probabilities.gather(-1, drawn[..., None])[..., 0]


def keep_best(codes: Tensor, drawn: Tensor, score: Tensor, n_new: int) -> Tensor:
    """The n_new drawn codes of the highest scores among the unknown ones join the known ones."""
    score = torch.where(codes == UNKNOWN, score, -torch.inf)
    best = score.topk(n_new, dim=1).indices
    return codes.scatter(1, best, drawn.gather(1, best))


def reference(logits: Tensor, codes: Tensor, uniforms: Tensor, n_new: int) -> Tensor:
    """Codes after one pass: n_new more are known."""
    probabilities = logits.softmax(dim=-1)
    drawn = drawn_by(probabilities, uniforms)
    return keep_best(codes, drawn, sure_of(probabilities, drawn), n_new)


fill_in = Exercise(
    "16.5",
    "Fill in the surest codes",
    goal="Draw all codes that are missing, and keep those of which the model is surest.",
    minutes=15,
    reference=reference,
    otherwise="Other codes are filled in than expected.",
    when_changed={"codes": "Your function writes into its argument `codes`. Build a new tensor."},
    stub='''\
def fill_in(
    logits: torch.Tensor, codes: torch.Tensor, uniforms: torch.Tensor, n_new: int
) -> torch.Tensor:
    """One pass of masked prediction: n_new more codes of each image become known. [MaskGIT, 3.2]

    logits    (B, N, K): what the model says of each of the N places
    codes     (B, N) torch.long: -1 where a code is still unknown; stays as it is
    uniforms  (B, N) numbers in [0, 1): the noise of each place
    n_new     how many codes to fill in, at most the number of unknown ones of any image
    returns   (B, N) torch.long. Draw a code at each place: the first one at which the running sum
              of softmax(logits) is greater than the uniform. Of the places that were unknown, the
              n_new whose drawn code has the highest probability keep it. All others stay as they
              were

    By hand: one image, codes [-1, 1, -1], K = 2, probabilities (0.4, 0.6), (0.9, 0.1), (0.8, 0.2)
             and uniforms 0.5, 0.5, 0.5. Drawn are 1, 0, 0, with probabilities 0.6, 0.9, 0.8. Place
             1 is known already, so for n_new = 1 place 2 gets its code: [-1, 1, 0]
    """
    ____
''',
    answer="""\
def fill_in(logits, codes, uniforms, n_new):
    p = logits.softmax(dim=-1)
    drawn = (p.cumsum(dim=-1) <= uniforms[..., None]).sum(dim=-1)  # (B, N)
    drawn = drawn.clamp(max=p.shape[-1] - 1)  # the sum may end a hair below 1
    sure = p.gather(-1, drawn[..., None])[..., 0]
    sure = sure.masked_fill(codes != -1, -1.0)  # no known place is chosen
    best = sure.topk(n_new, dim=1).indices  # (B, n_new)
    return codes.scatter(1, best, drawn.gather(1, best))
""",
    hints=(
        """Three steps: draw at every place; ask how probable each drawn code was; keep the n_new
        most probable ones among the places that were unknown.""",
        """The number of running sums that do not exceed the uniform is the drawn code.
        `p.gather(-1, drawn[..., None])[..., 0]` reads off its probability. `topk(n_new, dim=1)`
        finds the places, `codes.scatter(1, places, values)` fills them in.""",
        """If fewer codes become known than asked for, some of the chosen places were known before:
        give those a score that nobody can have.""",
    ),
)


def _trial(batch: int, n: int, n_codes: int, n_unknown: int, n_new: int, rng) -> Trial:
    """Other places are unknown in every image."""
    logits = 1.5 * torch.randn(batch, n, n_codes, generator=rng)
    codes = torch.randint(n_codes, (batch, n), generator=rng)
    hidden = torch.rand(batch, n, generator=rng).argsort(dim=1)[:, :n_unknown]
    codes = codes.scatter(1, hidden, UNKNOWN)
    while True:  # no uniform so near to a border that rounding decides
        uniforms = torch.rand(batch, n, generator=rng)
        sums = logits.softmax(dim=-1).cumsum(dim=-1)
        if ((sums - uniforms[..., None]).abs() > 1e-5).all():
            return Trial((logits, codes, uniforms, n_new))


@fill_in.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    logits, codes, uniforms, n_new = trial.args
    image, place = first_difference(got, want)
    p = logits[image, place].softmax(dim=-1)
    was = int(codes[image, place])
    return (
        f"codes {tuple(codes.shape)}, n_new = {n_new}. Image {image}, place {place}: the code was "
        f"{was}, the uniform is {float(uniforms[image, place]):.3f}, the probabilities are "
        f"{[round(v, 3) for v in p.tolist()[:8]]}. Your function says {int(got[image, place])}, "
        f"expected {int(want[image, place])}."
    )


def _telling(rng):
    return [_trial(4, 9, 5, 6, 3, rng), _trial(3, 12, 4, 8, 5, rng)]


fill_in.trials("from nothing")(
    lambda rng: ([_trial(3, 8, 5, 8, 3, rng), _trial(4, 10, 4, 10, 1, rng)], _telling(rng))
)
fill_in.trials("some codes are known")(
    lambda rng: ([_trial(4, 9, 5, 5, 2, rng), _trial(3, 12, 6, 7, 4, rng)], _telling(rng))
)
fill_in.trials("the last pass")(
    lambda rng: ([_trial(4, 9, 5, 4, 4, rng), _trial(3, 7, 6, 3, 2, rng)], _telling(rng))
)


def _pass(logits, codes, uniforms, n_new, drawn=None, score=None):
    p = logits.softmax(dim=-1)
    drawn = drawn_by(p, uniforms) if drawn is None else drawn
    return keep_best(codes, drawn, sure_of(p, drawn) if score is None else score, n_new)


@fill_in.mistakes
class Mistakes:
    def known_ones_again(logits, codes, uniforms, n_new):
        """Known places are chosen too, and their codes drawn anew. Only unknown places may be
        filled in."""
        p = logits.softmax(dim=-1)
        drawn = drawn_by(p, uniforms)
        best = sure_of(p, drawn).topk(n_new, dim=1).indices
        return codes.scatter(1, best, drawn.gather(1, best))

    def places_of_known_ones_wasted(logits, codes, uniforms, n_new):
        """Known places are among the n_new that are chosen, and then kept: too few new codes become
        known. Choose among the unknown ones."""
        p = logits.softmax(dim=-1)
        drawn = drawn_by(p, uniforms)
        best = sure_of(p, drawn).topk(n_new, dim=1).indices
        return torch.where(codes == -1, codes.scatter(1, best, drawn.gather(1, best)), codes)

    def all_at_once(logits, codes, uniforms, n_new):
        """All unknown codes are filled in at once. Only the n_new surest ones are asked for."""
        return torch.where(codes == -1, drawn_by(logits.softmax(dim=-1), uniforms), codes)

    def everything_anew(logits, codes, uniforms, n_new):
        """All places get their drawn code, the known ones too."""
        return drawn_by(logits.softmax(dim=-1), uniforms)

    def least_sure(logits, codes, uniforms, n_new):
        """The *least* sure codes are kept."""
        p = logits.softmax(dim=-1)
        drawn = drawn_by(p, uniforms)
        return keep_best(codes, drawn, -sure_of(p, drawn), n_new)

    def first_places(logits, codes, uniforms, n_new):
        """The first unknown places in raster order are filled in, whatever the model says of
        them."""
        order = -torch.arange(codes.shape[1]).expand_as(codes).to(logits)
        return _pass(logits, codes, uniforms, n_new, score=order)

    def last_places(logits, codes, uniforms, n_new):
        """The last unknown places are filled in, whatever the model says of them."""
        order = torch.arange(codes.shape[1]).expand_as(codes).to(logits)
        return _pass(logits, codes, uniforms, n_new, score=order)

    def likeliest_code(logits, codes, uniforms, n_new):
        """The likeliest code is taken at each place, and no uniform is used. Every image would be
        the same."""
        return _pass(logits, codes, uniforms, n_new, drawn=logits.argmax(dim=-1))

    def sure_of_the_likeliest(logits, codes, uniforms, n_new):
        """The places are ranked by the probability of their *likeliest* code. It is that of the
        drawn one that counts."""
        return _pass(logits, codes, uniforms, n_new, score=logits.softmax(-1).amax(dim=-1))

    def ranked_by_logits(logits, codes, uniforms, n_new):
        """The places are ranked by the logit of the drawn code. Logits of different places cannot
        be compared: take the softmax first."""
        drawn = drawn_by(logits.softmax(dim=-1), uniforms)
        return _pass(logits, codes, uniforms, n_new, score=sure_of(logits, drawn))

    def ranked_by_uniforms(logits, codes, uniforms, n_new):
        """The places are ranked by their uniform, which says nothing of the model."""
        return _pass(logits, codes, uniforms, n_new, score=uniforms)

    def ranked_by_entropy(logits, codes, uniforms, n_new):
        """The places are ranked by the entropy of their softmax. Asked for is the probability of
        the drawn code."""
        p = logits.softmax(dim=-1)
        return _pass(logits, codes, uniforms, n_new, score=torch.xlogy(p, p).sum(dim=-1))

    def one_too_few(logits, codes, uniforms, n_new):
        """One code too few is filled in."""
        return reference(logits, codes, uniforms, n_new - 1)

    def one_too_many(logits, codes, uniforms, n_new):
        """One code too many is filled in."""
        return reference(logits, codes, uniforms, min(n_new + 1, int((codes[0] == -1).sum())))

    def places_of_the_first_image(logits, codes, uniforms, n_new):
        """All images fill in the places that are best in the first one. Every image has its own."""
        p = logits.softmax(dim=-1)
        drawn = drawn_by(p, uniforms)
        score = torch.where(codes == -1, sure_of(p, drawn), -torch.inf)
        best = score[:1].topk(n_new, dim=1).indices.expand(len(codes), -1)
        return codes.scatter(1, best, drawn.gather(1, best))

    def noise_of_the_first_place(logits, codes, uniforms, n_new):
        """All places of an image use the first uniform. Every place has its own."""
        return reference(logits, codes, uniforms[:, :1].expand_as(uniforms), n_new)

    def drawn_from_above(logits, codes, uniforms, n_new):
        """The running sum is taken from the last code down. It begins with code 0."""
        p = logits.softmax(dim=-1)
        drawn = logits.shape[-1] - 1 - drawn_by(p.flip(-1), uniforms)
        return _pass(logits, codes, uniforms, n_new, drawn=drawn)

    def off_by_one(logits, codes, uniforms, n_new):
        """The drawn code is one too high: it is the *first* at which the running sum exceeds the
        uniform."""
        p = logits.softmax(dim=-1)
        drawn = (drawn_by(p, uniforms) + 1).clamp(max=logits.shape[-1] - 1)
        return _pass(logits, codes, uniforms, n_new, drawn=drawn)

    def logits_as_probabilities(logits, codes, uniforms, n_new):
        """The running sum is that of the logits. Take the softmax first."""
        drawn = drawn_by(logits, uniforms)
        return _pass(logits, codes, uniforms, n_new, drawn=drawn)

    def softmax_over_the_places(logits, codes, uniforms, n_new):
        """The softmax runs over the places. The probabilities of one place sum to 1: dim=-1."""
        p = logits.softmax(dim=1)
        drawn = drawn_by(p, uniforms)
        return keep_best(codes, drawn, sure_of(p, drawn), n_new)

    def others_forgotten(logits, codes, uniforms, n_new):
        """The new codes are there, and those that were known before are lost."""
        filled = reference(logits, codes, uniforms, n_new)
        return torch.where(codes == -1, filled, -1)

    def nothing_filled_in(logits, codes, uniforms, n_new):
        """Nothing has become known: `scatter` without an underscore returns a new tensor and leaves
        the old one as it is."""
        return codes.clone()

    def zeros_for_unknown(logits, codes, uniforms, n_new):
        """What stays unknown has become code 0. It stays -1."""
        filled = reference(logits, codes, uniforms, n_new)
        return filled.clamp(min=0)


@fill_in.right
def by_sorting(logits, codes, uniforms, n_new):
    p = logits.softmax(dim=-1)
    drawn = (p.cumsum(dim=-1) > uniforms[..., None]).float().argmax(dim=-1)
    sure = torch.where(codes == -1, sure_of(p, drawn), -1.0)
    rank = sure.argsort(dim=1, descending=True).argsort(dim=1)
    return torch.where(rank < n_new, drawn, codes)


@fill_in.right
def image_by_image(logits, codes, uniforms, n_new):
    out = codes.clone()
    for b in range(len(codes)):
        found = []
        for i in range(codes.shape[1]):
            if codes[b, i] == -1:
                p = logits[b, i].softmax(dim=0)
                code = min(int((p.cumsum(0) <= uniforms[b, i]).sum()), len(p) - 1)
                found.append((-float(p[code]), i, code))
        for _, i, code in sorted(found)[:n_new]:
            out[b, i] = code
    return out
