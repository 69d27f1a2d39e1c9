"""Questions that need words, one a chapter, read by a person.

They are not the chapters' own, whose answers are a click away. What a good student writes, and what
each point is for, stands in docs/marking.md, which the installed package does not hold.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

MARKING = Path(__file__).resolve().parents[2] / "docs" / "marking.md"
NO_ANSWERS = (
    "The model answers of the written questions are not part of the installed package. Build the "
    'course in a clone of the project, installed with: pip install -e ".[course]"'
)


def model_answers(path: Path = MARKING) -> dict[str, str]:
    """Chapter -> model answer and marking. FileNotFoundError, with what to do, without the file."""
    if not path.is_file():
        raise FileNotFoundError(NO_ANSWERS)
    parts = re.split(r"^## (ch\d\d): .*$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {chapter: text.strip() for chapter, text in zip(parts[1::2], parts[2::2], strict=True)}


@dataclass(frozen=True)
class WrittenQuestion:
    """name: for the gradebook."""

    name: str
    title: str
    text: str
    points: int
    minutes: int


QUESTIONS = {
    "ch01": WrittenQuestion(
        "order",
        "does the order matter?",
        'The chain rule holds for every order of the pixels. A friend concludes: "So it makes no '
        'difference in which order a model draws them." Where is he right, and where does it make '
        "a difference after all? Give one example of an order that you expect to be bad for "
        "photographs, and say why.",
        4,
        10,
    ),
    "ch02": WrittenQuestion(
        "padding",
        "a leak without a mask",
        "A network uses correct masks everywhere. Between two layers somebody adds `x = x - "
        'x.mean(dim=(2, 3), keepdim=True)` because "it trains better". Is the model still a valid '
        "p(x)? How would you notice, without reading the code, and what would the reported "
        "bits/dim be worth?",
        4,
        10,
    ),
    "ch03": WrittenQuestion(
        "units",
        "one number, three meanings",
        "Three reports on 28x28 binary images say 0.15, 81.3 and 117. One is in bits/dim, one in "
        "nats per image, one in bits per image, and all are of the same model up to rounding. "
        "Which is which? Show the arithmetic, and say what a uniform model would score in each "
        "unit.",
        4,
        8,
    ),
    "ch04": WrittenQuestion(
        "shift",
        "two stacks, one direction",
        "In chapter 04 the input of the vertical stack is shifted down once, so that its features "
        "at row i know the rows above i and nothing of row i. They feed the horizontal stack, and "
        "never the other way. Describe, step by step and for one concrete pixel, what would go "
        "wrong if the horizontal features were also added to the vertical ones.",
        4,
        12,
    ),
    "ch05": WrittenQuestion(
        "condition",
        "fewer bits, a better model?",
        "A model of photographs is told a thumbnail of 8x8 pixels, computed from the photograph "
        "itself, and needs 0.4 bits/dim less than the same model without it. May the two numbers "
        "be compared? What would you add to make them comparable, and for what is the model with "
        "the thumbnail good as it is?",
        4,
        8,
    ),
    "ch06": WrittenQuestion(
        "cache",
        "what may be kept",
        "A cache keeps features of pixels that are already drawn. Why are these features final, "
        "although the image goes on changing? Name one change of the network that would make them "
        "not final, and say how a wrong cache would show in the images.",
        4,
        10,
    ),
    "ch07": WrittenQuestion(
        "prior",
        "a class that is rare",
        "You classify garments with the conditional model and Bayes' rule. In the shop, sandals "
        "are a hundred times rarer than in the training set, where all classes are equally "
        "frequent. Do you have to train again? What do you change, and for which images does the "
        "decision change?",
        4,
        8,
    ),
    "ch08": WrittenQuestion(
        "waiting",
        "faster to train, or better?",
        "A Row LSTM, a Diagonal BiLSTM and a PixelCNN of five layers are trained on 64x64 images. "
        "Count for each how many steps of one layer have to wait for the step before, and say "
        "which pixels of the past its prediction can read. In which kind of images would the "
        "PixelCNN never catch up, however long it is trained?",
        4,
        10,
    ),
    "ch09": WrittenQuestion(
        "collapse",
        "a code nobody reads",
        "A VAE with a strong autoregressive decoder reaches a good ELBO with a KL of 0.0. Was the "
        "training a failure? Argue once as somebody who wants likelihoods, once as somebody who "
        "wants codes, and name two measures of the second one.",
        4,
        10,
    ),
    "ch10": WrittenQuestion(
        "estimator",
        "a gradient that is not one",
        "The straight-through gradient of the encoder is not the gradient of the loss. What is the "
        "true gradient of the reconstruction with respect to z_e, almost everywhere? Why does "
        "learning work nevertheless, and when would you expect it to fail?",
        4,
        10,
    ),
    "ch11": WrittenQuestion(
        "rate",
        "who pays for the code?",
        "With a uniform prior, KL = log K at every position and its gradient is 0. Somebody says: "
        '"Then the term can be left out of the loss, and out of the reported number as well." '
        "Which half is right? What happens to the comparison with a PixelCNN if the second half is "
        "followed?",
        4,
        8,
    ),
    "ch12": WrittenQuestion(
        "dead",
        "forty codes of 512",
        "Stage one ends with a perplexity of 40 at K = 512. Give two explanations that ask for "
        "different measures, and a measurement that tells them apart.",
        4,
        10,
    ),
    "ch13": WrittenQuestion(
        "stages",
        "why two stages?",
        "Why is the prior trained only after stage one is finished? Describe what a prior learns "
        "if encoder and codebook still move, and what joint training would have to take care of.",
        4,
        10,
    ),
    "ch14": WrittenQuestion(
        "photographs",
        "a folder of photographs",
        "Somebody trains a two-stage model on their photographs, every tenth of which is held out. "
        "Held-out bits/dim are excellent, and reconstructions of a friend's photographs are poor. "
        "What may have happened, how would you find out, and how would you split the folder? They "
        "also report that a Gaussian decoder reaches -2 bits/dim. What do you answer?",
        4,
        10,
    ),
    "ch15": WrittenQuestion(
        "content",
        "what a code forgets",
        "Codes of speech at 64 samples each keep the words and lose the voice's exact wave. Why "
        "does a loss on the waveform nevertheless keep the words? And what would you change if you "
        "wanted codes that keep the speaker and forget the words?",
        4,
        10,
    ),
    "ch16": WrittenQuestion(
        "used",
        "a code that is used more",
        "A colleague replaces the codebook by FSQ. The perplexity of the codes doubles, and the "
        "colleague reports that the model is twice as good. Which two numbers decide whether it is "
        "better in bits, and what does a higher perplexity do to each of them?",
        4,
        10,
    ),
    "ch17": WrittenQuestion(
        "resumed",
        "the same run, or another?",
        "A training was cut after half of its steps and resumed. At the end a colleague compares "
        "it with a run that was never cut and finds that the last digits of the weights differ. "
        "Name two causes that are mistakes and one that is none, and say for each how you would "
        "find out whether it is the cause here.",
        4,
        8,
    ),
}
