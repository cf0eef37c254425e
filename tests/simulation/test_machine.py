"""The real `decide` in a hostile world: whatever happens in whatever order, the laws of the world hold."""

from collections import deque

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from katib.core.run import Cause, Phase
from katib.core.study import Budget, RetryPolicy
from katib.errors import Conflict
from katib.testing import builders as make
from katib.testing.laws import broken_laws
from katib.testing.simulator import Effect, Lag, World
from katib.testing.toys import Fate
from katib.testing.truths import Witness

LAGS = st.builds(Lag, view=st.sampled_from((0, 0, 0, 1, 2, 4)), reports=st.sampled_from((0, 0, 1, 2, 4)))

FATES = st.sampled_from(
    (
        Fate(reports=(0.5,)),
        Fate(reports=(1.5, 0.9)),
        Fate(reports=(0.01,)),
        Fate(reports=(0.01,), drains=2.0),
        Fate(reports=()),
        Fate(reports=(0.5, float("nan")), drains=5.0),
        Fate(reports=("oops",)),
        Fate(code=1),
        Fate(code=1, drains=3.0),
        Fate(code=None, signal=9),
        Fate(code=None, signal=15, cause=Cause.DEADLINE),
        Fate(phase=Phase.LOST),
    )
)
REFUSED = Fate(phase=Phase.REFUSED)

PARALLEL = st.integers(min_value=1, max_value=3)
MAX_TRIALS = st.integers(min_value=1, max_value=5)
MAX_FAILED = st.none() | st.integers(min_value=0, max_value=3)
CLOCK_JUMPS = (1.0, 31.0, 61.0, 86_400.0, -1.0, -31.0, -86_400.0)


def enough(world):
    """Passes that suffice with fair play: some for each trial, one after the other, with all its attempts."""
    return 50 + 20 * world.study.budget.max_trials


class HostileWorld(RuleBasedStateMachine):
    """Passes are taken apart into effects, and between any two of them anything may happen."""

    guarded = True

    @initialize(
        parallel=PARALLEL,
        max_trials=MAX_TRIALS,
        max_failed=MAX_FAILED,
        goal=st.sampled_from((None, 0.1)),
        retry=st.builds(RetryPolicy, retries=st.integers(0, 1), losses=st.integers(0, 2)),
        space=st.sampled_from((None, None, None, 1, 3)),
        stock=st.sampled_from((0, 0, 1, 4)),
        ahead=st.sampled_from((None, None, 0, 2)),
        fates=st.lists(FATES | st.just(REFUSED), max_size=4),
    )
    def begin(self, *, parallel, max_trials, max_failed, goal, retry, space, stock, ahead, fates):
        # Left to itself, the first run of trial 1, 2, … meets these fates; all other runs go well.
        by_key = {(make.trial(ordinal).name, 1): fate for ordinal, fate in enumerate(fates, start=1)}
        self.world = World(
            make.study(parallel=parallel, max_trials=max_trials, max_failed=max_failed, goal=goal),
            fate=lambda key: by_key.get(key, Fate(seconds=3.0)),
            retry=retry,
            space=space,
            stock=stock,
            ahead=ahead,
            guarded=self.guarded,
            memory=8,
            watch=self.check_plan,
        )
        self.effects: deque[Effect] = deque()
        self.begin_watching()

    def begin_watching(self):
        self.witness = Witness(self.world)

    def check_plan(self, snapshot, plan):
        assert broken_laws(snapshot, plan) == []

    # The controller

    @rule(lag=LAGS)
    def look(self, lag):
        """Start a pass. One that was not carried through has died after a prefix of its effects."""
        if self.effects:
            self.world.die()
        self.effects = deque(self.world.effects(lag))

    @precondition(lambda self: self.effects)
    @rule(times=st.sampled_from((1, 1, 1, 2)))
    def do_next(self, times):
        """Do the next effect, or do it and do it again."""
        effect = self.effects.popleft()
        try:
            for _ in range(times):
                effect.do()
        except Conflict:
            self.effects.clear()

    @precondition(lambda self: self.effects and self.effects[0].name != "commit")
    @rule()
    def skip_next(self):
        """The runner did not take it."""
        self.effects.popleft()

    @rule(lag=LAGS)
    def whole_pass(self, lag):
        self.effects.clear()
        self.world.step(lag)

    @rule(lag=LAGS, seconds=st.sampled_from((0.5, 1.0, 3.0)))
    def round(self, lag, seconds):
        """What usually happens: a pass, an answer, and time."""
        self.whole_pass(lag)
        self.settle()
        self.world.answer()
        self.world.clock.advance(seconds)
        self.world.runner.work(seconds)

    @precondition(lambda self: self.world.question is not None)
    @rule(number=st.sampled_from((None, None, 0, 1)))
    def answer(self, number):
        self.world.answer(number)

    # The runs

    def runs(self, *phases):
        return sorted(key for key, run in self.world.runner.runs.items() if run.report.phase in phases)

    @precondition(lambda self: self.runs(Phase.STARTING))
    @rule(data=st.data())
    def run_starts(self, data):
        self.world.runner.start(data.draw(st.sampled_from(self.runs(Phase.STARTING))))

    @precondition(lambda self: self.runs(Phase.STARTING, Phase.RUNNING))
    @rule(data=st.data(), fate=FATES)
    def run_ends(self, data, fate):
        self.world.runner.end(data.draw(st.sampled_from(self.runs(Phase.STARTING, Phase.RUNNING))), fate)

    @precondition(lambda self: self.runs(Phase.ENDED))
    @rule(data=st.data())
    def run_drains(self, data):
        self.world.runner.drain(data.draw(st.sampled_from(self.runs(Phase.ENDED))))

    # Early stopping

    @precondition(lambda self: self.world.runner.annals)
    @rule(data=st.data(), shadow=st.booleans())
    def is_found_hopeless(self, data, shadow):
        """Any attempt that ever began: a verdict may come when it is over, and another one runs."""
        self.judge(data.draw(st.sampled_from(sorted(self.world.runner.annals))), shadow)

    @precondition(lambda self: self.runs(Phase.RUNNING))
    @rule(data=st.data(), shadow=st.booleans(), fate=FATES)
    def ends_by_itself_as_its_verdict_goes_on_record(self, data, shadow, fate):
        key = data.draw(st.sampled_from(self.runs(Phase.RUNNING)))
        self.judge(key, shadow)
        self.effects = deque(self.world.effects())
        self.do_next(times=1)
        self.world.runner.end(key, fate)

    def judge(self, key, shadow):
        ordinal = next(trial.ordinal for trial in self.world.store.trials.values() if trial.name == key[0])
        self.world.judge(ordinal, key[1], shadow=shadow)

    # Mishaps

    @rule(what=st.sampled_from(("the process dies", "the machine restarts", *CLOCK_JUMPS)))
    def mishap(self, what):
        if isinstance(what, float):
            self.world.clock.advance(what)
            return
        self.effects.clear()
        self.world.die()
        if what == "the machine restarts":
            self.world.runner.wipe()

    # The user

    @rule(stop=st.booleans())
    def wish_to_stop(self, stop):
        self.world.wish(stop=stop)

    @rule(parallel=PARALLEL, max_trials=st.none() | MAX_TRIALS, max_failed=MAX_FAILED)
    def wish_for_budget(self, parallel, max_trials, max_failed):
        self.world.wish(budget=Budget(parallel=parallel, max_trials=max_trials, max_failed=max_failed))

    @rule(more=st.integers(0, 2))
    def wish_to_reopen(self, more):
        budget = self.world.study.budget
        raised = Budget(max_trials=min((budget.max_trials or 3) + more, 9), parallel=budget.parallel)
        self.world.wish(stop=False, reopen=True, budget=raised)

    # Rest

    @rule()
    def comes_to_rest(self):
        """When nothing else happens, a few passes do everything there is to do, and the next plan is empty."""
        self.effects.clear()
        for _ in range(12):
            plan = self.world.step()
            self.settle()
            if plan is not None and plan.at_rest:
                break
            self.world.answer()
            for key in [key for key, run in self.world.runner.runs.items() if run.stopping and run.alive]:
                self.world.runner.end(key, Fate(code=None, signal=15))
            self.settle()
        else:
            raise AssertionError(f"it does not come to rest: {plan}")
        again = self.world.step()
        assert again is not None and again.at_rest, again

    def settle(self):
        self.world.remember()
        assert self.witness.look() == []

    @invariant()
    def laws_hold(self):
        if hasattr(self, "witness"):
            self.settle()

    def teardown(self):
        """With fair play from here on it comes to its end: stopped if that is what the user wants, then concluded."""
        if not hasattr(self, "witness"):
            return
        world = self.world
        world.step()
        self.settle()
        if world.study.budget.max_trials is None:
            world.wish(budget=Budget(max_trials=5, parallel=world.study.budget.parallel))
        world.play(passes=enough(world))
        self.settle()
        if not world.study.condition.concluded:
            assert world.study.stop_requested
            world.wish(stop=False)
            world.play(passes=enough(world))
            self.settle()
        assert world.study.condition.concluded


class UnguardedWorld(HostileWorld):
    """Without the store's guard, with nothing but the compare-and-swap of each transition, and reports of any age.

    Then verdicts, budget and width may be wrong for a while, and a run may be left behind. Still the record is exact,
    nothing that is finished moves, and with fair play from some time on the study comes to its end.
    """

    guarded = False

    def begin_watching(self):
        super().begin_watching()
        self.witness.laws = [self.witness.exact_summary, self.witness.only_onward]


HostileWorld.TestCase.settings = settings(max_examples=max(settings.default.max_examples, 200), stateful_step_count=50)
UnguardedWorld.TestCase.settings = settings(max_examples=settings.default.max_examples // 2, stateful_step_count=50)
TestHostileWorld = HostileWorld.TestCase
TestUnguardedWorld = UnguardedWorld.TestCase
