"""Has algorithms asked for the trials that clients are to run, and puts their answers on record."""

from collections.abc import Callable
from dataclasses import replace

from katib.core.advice import AdviceReply
from katib.core.study import Study
from katib.core.trial import TrialState
from katib.service.open_studies import OpenStudy, nobody
from katib.service.reading import left_of, refuse_closed
from katib.stores.contract import Changes, Store
from katib.suggestion.contract import SuggestionService


class Adviser:
    """Thread-safe: of the threads that need advice for one study, one asks for all.

    Args:
        now: seconds since the epoch.
        stock: answers to keep ahead of need for algorithms that do not learn.
    """

    def __init__(self, store: Store, suggestions: SuggestionService, *, now: Callable[[], float], stock: int) -> None:
        self._store = store
        self._suggestions = suggestions
        self._now = now
        self._stock = stock

    def advise(self, opened: OpenStudy, needed: int) -> bool:
        """Have so much advice recorded that `needed` is unused, by this thread or by the one that asks already. False
        when the algorithm has none left.
        """
        with opened.turn:
            opened.wanted += needed
            seen = opened.answered
        try:
            with opened.asking:
                if opened.answered != seen:
                    # Somebody has asked meanwhile, most likely for this thread, too.
                    return True
                view = self._store.view(opened.config.uid, advice=0)
                refuse_closed(view.study)
                unused = view.study.summary.count(TrialState.ADVISED)
                wanted = min(opened.wanted, left_of(view.study)) - unused
                if wanted <= 0:
                    return unused > 0
                if view.study.exhausted:
                    return False
                return self._ask(opened, view.study, wanted)
        finally:
            with opened.turn:
                opened.wanted -= needed

    def _ask(self, opened: OpenStudy, study: Study, wanted: int) -> bool:
        config = replace(opened.config, budget=study.budget, settings={**opened.config.settings, **study.overrides})
        stock = min(self._stock, max(left_of(study) - wanted, 0)) if opened.oblivious else 0
        first = study.summary.highest_ordinal + 1
        trials = opened.record.refresh(self._store, study.uid, sum(study.summary.counts.values()))
        reply = self._suggestions.suggest(config, trials, range(first, first + wanted + stock))
        self._store_advice(opened, study, reply)
        return bool(reply.advice)

    def _store_advice(self, opened: OpenStudy, study: Study, reply: AdviceReply) -> None:
        changes = Changes(
            advice=reply.advice,
            exhausted=reply.exhausted or None,
            overrides={**study.overrides, **reply.overrides} if reply.overrides else None,
        )
        with opened.turn:
            self._store.commit(nobody(study), changes, now=self._now())
            opened.answered += bool(reply.advice)
