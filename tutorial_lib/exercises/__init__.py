"""Exercises that run what a learner wrote, and recognise the mistake that was made.

    from tutorial_lib.exercises import ch02
    ch02.causal_mask.card()

One package a chapter (`ch01`, `ch02`, ...), one module an exercise. The rest in reading order:

    definition    what an exercise is made of: checks, misconceptions, outcomes, grades
    engine        Exercise: card, check, hint, solution, grade
    running       Candidate: the learner's function, called with copies and within limits
    kinds         a right answer's results, as the kinds that the chapter counts on
    time_limit    an end to endless loops
    surroundings  random numbers and settings of torch as they were before a check
    arguments     copies of arguments, and what was changed in them
    errors        a learner's error, told by the learner's own lines
    untouched     is this still the stub?
    comparing     wrong type, wrong shape or wrong values: told apart
    trials        one function against another on many inputs, misconceptions recognised
    likeness      what a wrong result has in common with the right one, whatever the mistake
    formulas      a wrong sum read term by term, for exercises that name their terms
    patterns      what a wrong result has to do with the arguments: one of them, the size of an axis
    reports       what is shown: Markdown in a notebook, the same words as plain text elsewhere
    progress      points kept on disk between sessions
    moved         exercises that stood in another chapter before
    discovery     all exercises, found and never listed
    audit         are the exercises themselves right?

Nothing in the library imports this package but the classroom, which is made of it.
"""
