"""Questions that need words, one a chapter, read by a person.

They are not the chapters' own, whose answers are a click away. `answer` is what a good student
writes; `marking` says what each point is for. Students see neither.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WrittenQuestion:
    """name: for the gradebook; marking: one line a point or two."""

    name: str
    title: str
    text: str
    answer: str
    marking: str
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
        "For the true distribution every order gives the same product, so nothing is lost in "
        "principle. A trained model has limited capacity and data: it approximates each factor, "
        "and how hard the factors are depends on the order. In raster order most of what predicts "
        "a pixel are near neighbours, already drawn. An order that jumps about (a random "
        "permutation, say) leaves the first pixels without neighbours and asks for dependencies "
        "over long distances, which a convolution with a small kernel can't see.",
        "1 exact distribution: all orders equal. 1 a learned model is not exact. 2 a bad order, "
        "with a reason that speaks of what the factors depend on.",
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
        "No. The mean is over all pixels, so every output depends on every input, the pixel to be "
        "predicted and later ones included. An influence matrix shows entries on and above the "
        "diagonal; or the probabilities of all small binary images don't sum to 1. The bits/dim "
        "are too low and mean nothing, since the factors are not conditionals of one distribution; "
        "sampling can't even reproduce them.",
        "1 no, with the path of the leak. 2 a test that works (influence, sum, perturbation of a "
        "later pixel). 1 the number is no likelihood.",
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
        "81.3 nats per image; divided by ln 2 = 0.693 that is 117.3 bits per image; divided by 784 "
        "that is 0.150 bits/dim. A uniform model: 784 ln 2 = 543.4 nats, 784 bits, exactly 1 "
        "bit/dim.",
        "2 the three units right. 1 the arithmetic (divide by ln 2, then by 784). 1 the uniform "
        "model in all three.",
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
        "Take h at (i, j), which knows pixels of row i up to j - 1, or j itself from the second "
        "layer on. Added to v at (i, j), it is read in the next layer by the vertical convolution, "
        "whose kernel reaches left and right in its own row: now v at (i, j - 1) knows pixels of "
        "row i up to j - 1. The link hands that to h at (i, j - 1), which predicts pixel (i, j - "
        "1) from itself. The factors are no conditionals any more, the loss falls, and sampling "
        "can't follow.",
        "1 what each stack may know. 2 a path, step by step, from a pixel to itself or to an "
        "earlier one. 1 the conclusion: no valid factorisation.",
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
        "No. p(x|s) says what x costs for somebody who has s already, and s was made from x: "
        "summed over all images, each with its own thumbnail, p(x|s(x)) exceeds 1, so it is no "
        "distribution over images. Add the bits of the thumbnail: what it costs under a model of "
        "thumbnails, or its raw bits as an upper bound. As it is, the model is good for drawing "
        "photographs that fit a given thumbnail, and to be compared with other models that are "
        "told the same one.",
        "1 no. 1 the condition was made from the image (or: the sum exceeds 1). 1 the bits of the "
        "thumbnail are added. 1 a use.",
        4,
        8,
    ),
    "ch06": WrittenQuestion(
        "cache",
        "what may be kept",
        "A cache keeps features of pixels that are already drawn. Why are these features final, "
        "although the image goes on changing? Name one change of the network that would make them "
        "not final, and say how a wrong cache would show in the images.",
        "A feature at a position depends on earlier pixels (and its own, in type B) only, and "
        "those don't change any more. Anything that lets a position read later pixels breaks it: a "
        "mask that leaks, a mean over the image, attention without a mask, batch norm in train "
        "mode. A stale cache draws from conditionals of another image: with the same noise the "
        "result differs from the naive sampler's at the first stale place and from there on; the "
        "images look less coherent, often with a seam at row ends.",
        "2 why final. 1 a change that breaks it. 1 how it shows, in particular against naive "
        "sampling with the same noise.",
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
        "No: p(x|y) does not depend on how frequent a class is. Only p(y) changes: log p(y) of "
        "sandals falls by ln 100 = 4.6 nats. Decisions change where sandals led by less than 4.6 "
        "nats per image over the next class. With hundreds of nats per image such leads are common "
        "only near the border between classes.",
        "1 no new training. 1 the prior in Bayes' rule. 2 which images: the lead of the likelihood "
        "compared with ln 100 in nats per image.",
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
        "PixelCNN: none, all positions at once; it reads a bounded window above, without the wedge "
        "on the right. Row LSTM: 64 rows, one after the other; it reads a triangle up to the top. "
        "Diagonal BiLSTM: 127 diagonals (64 + 64 - 1); it reads the whole past. PixelCNN never "
        "catches up where a pixel is decided by one outside its view: further up than its layers "
        "reach, or in the blind spot, such as a copy of a pixel one row up and two columns to the "
        "right.",
        "2 the steps that wait, and what each can read. 2 an example whose deciding pixel lies "
        "outside the view, with the reason that training cannot help.",
        4,
        10,
    ),
    "ch09": WrittenQuestion(
        "collapse",
        "a code nobody reads",
        "A VAE with a strong autoregressive decoder reaches a good ELBO with a KL of 0.0. Was the "
        "training a failure? Argue once as somebody who wants likelihoods, once as somebody who "
        "wants codes, and name two measures of the second one.",
        "For likelihoods it is no failure: the decoder alone models p(x) well, the bound is then "
        "tight, and using z would cost rate without lowering distortion more than that. For codes "
        "it is: z says nothing about x. Measures: weaken the decoder or its context, a lower "
        "weight on the KL (or annealing, free bits), drop pixels from the decoder's past, a "
        "discrete code with a fixed rate as in the VQ-VAE.",
        "1 what KL = 0 means. 1 the likelihood's view, with a reason. 2 two measures that work.",
        4,
        10,
    ),
    "ch10": WrittenQuestion(
        "estimator",
        "a gradient that is not one",
        "The straight-through gradient of the encoder is not the gradient of the loss. What is the "
        "true gradient of the reconstruction with respect to z_e, almost everywhere? Why does "
        "learning work nevertheless, and when would you expect it to fail?",
        "z_q is piecewise constant in z_e, so the true gradient is 0 wherever it exists. "
        "Straight-through takes the gradient at z_q as that at z_e: the direction in which the "
        "decoder would like its input to move. It is useful as long as z_e is near its code (the "
        "commitment term sees to it) and the decoder is smooth at that scale. It fails if codes "
        "are far from the vectors, if the step needed lies across many cells, or if the commitment "
        "is too weak, so that z_e drifts.",
        "1 zero almost everywhere. 2 why the copied gradient points somewhere useful. 1 when it "
        "fails.",
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
        "The first half: a constant does not move any parameter. The second is wrong: a receiver "
        "needs the code to use the decoder, and naming it costs log K nats at each of the N "
        "positions. Without it the number is the distortion alone, no bound on log p(x); a larger "
        "K always looks better, and with K large enough the decoder alone seems to cost nothing. "
        "Against a PixelCNN, which pays for everything, that is not fair.",
        "1 the loss. 1 the number. 2 what goes wrong in the comparison (no bound; N log K missing; "
        "grows with K).",
        4,
        8,
    ),
    "ch12": WrittenQuestion(
        "dead",
        "forty codes of 512",
        "Stage one ends with a perplexity of 40 at K = 512. Give two explanations that ask for "
        "different measures, and a measurement that tells them apart.",
        "Either codes died early: they started far from all vectors and never got a gradient; then "
        "restarts, or a start on encoder vectors, help. Or the data need no more at this weight of "
        "the terms and this size of field: the encoder's vectors form few clusters. To tell: look "
        "at distances from dead codes to the nearest encoder vectors; restart dead codes and see "
        "whether perplexity stays up and the reconstruction gets better; train with K = 64 and "
        "compare the reconstruction.",
        "2 two explanations with their measures. 2 a measurement whose outcome differs.",
        4,
        10,
    ),
    "ch13": WrittenQuestion(
        "stages",
        "why two stages?",
        "Why is the prior trained only after stage one is finished? Describe what a prior learns "
        "if encoder and codebook still move, and what joint training would have to take care of.",
        "The prior models the distribution of indices. While the encoder moves, so does this "
        "distribution, and even the meaning of an index; the prior chases a moving target and its "
        "held-out cost says little. Joint training has a second danger: the encoder can make the "
        "indices easy to predict (few codes, constant fields) instead of informative, as the rate "
        "is now trainable. One would weigh the rate, let the prior's gradient stop at the indices, "
        "or refresh the prior at the end.",
        "2 the moving target. 1 the encoder may collapse for the prior's sake. 1 a remedy.",
        4,
        10,
    ),
    "ch15": WrittenQuestion(
        "content",
        "what a code forgets",
        "Codes of speech at 64 samples each keep the words and lose the voice's exact wave. Why "
        "does a loss on the waveform nevertheless keep the words? And what would you change if you "
        "wanted codes that keep the speaker and forget the words?",
        "With few bits a second the decoder can't keep the phase and fine structure; what lowers "
        "its loss most for each bit is what determines long stretches of the wave, that is which "
        "sound is made. A decoder that is told the speaker needs no bits for it, so the code keeps "
        "the rest: the words. For the opposite, hand the decoder the words (or a transcript) as "
        "its condition, or take codes over long windows, one for a whole utterance, where the "
        "words average out and the speaker stays.",
        "2 bits go where they lower the loss most, or what the decoder is told needs no bits. 2 a "
        "change that works, with its reason.",
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
        "Mistakes: the averages of Adam or the step were not stored (look into the file: the "
        "optimiser's tensors and the step must be there; the learning rate right after the cut "
        "jumps); the state of the random numbers, or the place in the order of the data, was not "
        "stored (the first batch after the cut is one that was seen before). No mistake: a GPU or "
        "another number of processes adds in another order, so the last bits differ. To tell: "
        "repeat the whole thing on one CPU, where it must agree bit for bit; and train twice "
        "without a cut on the GPU: if these two differ as much, the cut is no cause.",
        "2 two parts of the state, each with a sign of its absence. 1 rounding in another order. 1 "
        "a test that tells them apart.",
        4,
        8,
    ),
}
