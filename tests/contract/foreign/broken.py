"""Algorithms that break in every way there is."""

import ctypes
import os
import sys
import threading
from pathlib import Path

from algorithms.base import Algorithm
from algorithms.sampling.random_search import RandomSearch
from katib.core.advice import Advice, AdviceReply


class Exits(RandomSearch):
    """Ends the process, without a word, as soon as there are three trials."""

    def suggest(self, trials, ordinals):
        if len(trials) >= 3:
            os._exit(7)
        return super().suggest(trials, ordinals)


class Segfaults(Algorithm):
    def suggest(self, trials, ordinals):
        print("about to read address 0")
        ctypes.string_at(0)


class Hangs(RandomSearch):
    """Waits for ever when there are three trials."""

    def suggest(self, trials, ordinals):
        if len(trials) >= 3:
            threading.Event().wait()
        return super().suggest(trials, ordinals)


class HangsInC(Algorithm):
    """Holds the interpreter's lock for ever."""

    def suggest(self, trials, ordinals):
        ctypes.PyDLL(None).pause()


class Raises(Algorithm):
    def suggest(self, trials, ordinals):
        raise ZeroDivisionError("no variance in the history")


class ExitsPolitely(Algorithm):
    def suggest(self, trials, ordinals):
        sys.exit("I give up")


class CrashesOnce(RandomSearch):
    """Ends the process the first time that it is asked; the file that its setting names is its memory."""

    settings = ()

    @classmethod
    def validate(cls, config):
        return []

    def suggest(self, trials, ordinals):
        memory = Path(self.config.settings["memory"])
        if not memory.exists():
            memory.touch()
            os._exit(1)
        return super().suggest(trials, ordinals)


class Chatters(RandomSearch):
    """Writes ten megabytes at each request, to both outputs."""

    def suggest(self, trials, ordinals):
        for _ in range(5):
            print("x" * 1_000_000)
            print("y" * 1_000_000, file=sys.stderr)
        return super().suggest(trials, ordinals)


class Outsider(Algorithm):
    """Its answers are as its setting says."""

    @classmethod
    def validate(cls, config):
        return []

    def suggest(self, trials, ordinals):
        first = ordinals[0] if ordinals else 1
        return {
            "outside": AdviceReply(advice=(Advice(ordinal=first, assignment={"x": 99.0, "n": 1}),)),
            "off the step": AdviceReply(advice=(Advice(ordinal=first, assignment={"x": 0.5, "n": 2}),)),
            "text": AdviceReply(advice=(Advice(ordinal=first, assignment={"x": "0.5", "n": 1}),)),
            "float for int": AdviceReply(advice=(Advice(ordinal=first, assignment={"x": 0.5, "n": 1.0}),)),
            "nan": AdviceReply(advice=(Advice(ordinal=first, assignment={"x": float("nan"), "n": 1}),)),
            "a parameter less": AdviceReply(advice=(Advice(ordinal=first, assignment={"x": 0.5}),)),
            "wrong ordinal": AdviceReply(advice=(Advice(ordinal=first + 1, assignment={"x": 0.5, "n": 1}),)),
            "nothing": AdviceReply(),
            "no reply": None,
        }[self.config.settings["answer"]]


class Numpy(Algorithm):
    """Answers in numpy's numbers."""

    def suggest(self, trials, ordinals):
        import numpy

        point = {"n": numpy.int64(3), "x": numpy.float64(0.5)}
        return AdviceReply(advice=tuple(Advice(ordinal=each, assignment=point) for each in ordinals))


class Needy(RandomSearch):
    """Needs what is not installed."""

    requires = ("json", "no_such_module")
    install = "needy[all]"


class Pids(RandomSearch):
    """Says in its labels which process answered, and how many messages of trials it saw."""

    def suggest(self, trials, ordinals):
        reply = super().suggest(trials, ordinals)
        labels = {
            "pid": str(os.getpid()),
            "instance": str(id(self)),
            "trials": str(len(trials)),
            "messages": str(sum(bool(trial.message) for trial in trials)),
        }
        advice = tuple(Advice(ordinal=a.ordinal, assignment=a.assignment, labels=labels) for a in reply.advice)
        return AdviceReply(advice=advice, exhausted=reply.exhausted)
