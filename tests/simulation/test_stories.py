"""Scenarios written out as logs, to be read in a review: each test's log is golden/<test>.txt.

`KATIB_UPDATE_GOLDEN=1 pytest tests/simulation/test_stories.py` writes them anew; read the diff before you commit it.
"""

import os
from pathlib import Path

import pytest

from katib.core.run import Cause, Phase
from katib.core.study import Budget, RetryPolicy, StudyReason, StudyStatus
from katib.core.trial import TrialState
from katib.errors import Conflict
from katib.testing import builders as make
from katib.testing.narrate import Story
from katib.testing.simulator import Lag, World
from katib.testing.toys import Fate

GOLDEN = Path(__file__).parent / "golden"
NAN = float("nan")


@pytest.fixture
def tell(request):
    stories = []

    def begin(study, **known):
        stories.append(Story(World(study, **known)))
        return stories[-1]

    yield begin
    (story,) = stories
    path = GOLDEN / f"{request.node.name.removeprefix('test_')}.txt"
    if os.environ.get("KATIB_UPDATE_GOLDEN"):
        path.write_text(story.text)
    assert story.text == path.read_text()


def new_study(**known):
    return make.study(status=StudyStatus.CREATED, **known)


def fates(**by_trial):
    """Fates of the attempts of each trial: `fates(t1=[Fate(code=1), Fate()])`; the rest go well."""
    known = {
        (make.trial(int(name[1:])).name, attempt): fate
        for name, attempts in by_trial.items()
        for attempt, fate in enumerate(attempts, start=1)
    }
    return lambda key: known.get(key, Fate())


def reason(story):
    return story.world.study.condition.reason


def count(story, *states):
    return story.world.study.summary.count(*states)


def test_three_trials_two_at_a_time(tell):
    story = tell(new_study(max_trials=3, parallel=2), fate=fates(t1=[Fate(seconds=3.0, reports=(0.9, 0.4))]))
    story.finish()
    assert reason(story) is StudyReason.MAX_TRIALS


def test_every_trial_fails_at_once_and_the_study_stops_at_the_limit(tell):
    story = tell(new_study(max_trials=10, parallel=3, max_failed=2), fate=lambda _key: Fate(code=1, seconds=0.0))
    story.finish()
    assert reason(story) is StudyReason.TOO_MANY_FAILED


def test_two_bad_attempts_and_a_good_one(tell):
    story = tell(
        new_study(max_trials=1),
        fate=fates(t1=[Fate(code=1), Fate(code=None, signal=9), Fate(reports=(0.3,))]),
        retry=RetryPolicy(retries=2),
    )
    story.finish()
    assert story.world.store.trials[1].value == 0.3


def test_attempts_run_out(tell):
    story = tell(new_study(max_trials=1), fate=lambda _key: Fate(code=1), retry=RetryPolicy(retries=1))
    story.finish()
    assert reason(story) is StudyReason.NONE_SUCCEEDED


def test_the_machine_under_a_trial_vanishes_twice_at_no_cost(tell):
    story = tell(new_study(max_trials=2, parallel=1), fate=fates(t1=[Fate(phase=Phase.LOST)] * 2))
    story.finish()
    assert count(story, TrialState.SUCCEEDED) == 2


def test_the_metric_is_never_printed(tell):
    story = tell(new_study(max_trials=1), fate=fates(t1=[Fate(reports=(), drains=1e9)]))
    story.finish()
    assert count(story, TrialState.METRICS_UNAVAILABLE) == 1


def test_a_trial_diverges_and_is_never_best(tell):
    story = tell(new_study(max_trials=2), fate=fates(t1=[Fate(reports=(0.1, NAN))], t2=[Fate(reports=(0.5,))]))
    story.finish()
    assert story.world.study.summary.best_ordinal == 2


def test_a_trial_that_cannot_start_and_one_that_takes_too_long(tell):
    late = Fate(code=None, signal=15, cause=Cause.DEADLINE)
    story = tell(new_study(max_trials=3, parallel=3), fate=fates(t1=[Fate(phase=Phase.REFUSED)], t2=[late]))
    story.finish()
    assert count(story, TrialState.FAILED) == 2


def test_the_goal_is_reached_while_others_run(tell):
    story = tell(
        new_study(max_trials=9, parallel=3, goal=0.1),
        fate=fates(t1=[Fate(seconds=9.0)], t2=[Fate(reports=(0.05,))], t3=[Fate(code=1)]),
        retry=RetryPolicy(retries=3),
    )
    story.finish()
    assert reason(story) is StudyReason.GOAL_REACHED


def test_the_space_is_smaller_than_the_budget(tell):
    story = tell(new_study(max_trials=10, parallel=3), space=2)
    story.finish()
    assert reason(story) is StudyReason.SPACE_EXHAUSTED


def test_the_algorithm_answers_late_and_with_less_than_was_asked(tell):
    story = tell(new_study(max_trials=3, parallel=3))
    story.world.step()
    story.say("the algorithm answers with 1 of 3")
    story.world.answer(1)
    story.look()
    story.finish()
    assert count(story, TrialState.SUCCEEDED) == 3


def test_the_budget_is_lowered_and_raised_again(tell):
    story = tell(new_study(max_trials=9, parallel=3), fate=lambda _key: Fate(seconds=3.0))
    story.look(3)
    story.say("the user lowers the budget to 2 trials")
    story.world.wish(budget=Budget(max_trials=2, parallel=3))
    story.look(3)
    assert count(story, TrialState.KILLED) == 1
    story.say("the user raises it to 4 trials")
    story.world.wish(budget=Budget(max_trials=4, parallel=3), reopen=True)
    story.finish()
    assert story.world.study.summary.created == 4


def test_the_width_is_lowered_and_raised_again(tell):
    story = tell(new_study(max_trials=3, parallel=3), fate=lambda _key: Fate(seconds=4.0))
    story.look(3)
    story.say("the user lowers the parallelism to 1")
    story.world.wish(budget=Budget(max_trials=3, parallel=1))
    story.look(2)
    story.say("the user raises it to 2")
    story.world.wish(budget=Budget(max_trials=3, parallel=2))
    story.finish()
    assert count(story, TrialState.SUCCEEDED) == 3


def test_stopped_and_resumed(tell):
    story = tell(new_study(max_trials=2, parallel=2), fate=lambda _key: Fate(seconds=3.0))
    story.look(3)
    story.say("the user stops it")
    story.world.wish(stop=True)
    story.finish()
    assert reason(story) is StudyReason.STOPPED
    story.say("the user resumes it")
    story.world.wish(stop=False)
    story.finish()
    assert reason(story) is StudyReason.MAX_TRIALS


def test_a_concluded_study_is_extended(tell):
    story = tell(new_study(max_trials=1))
    story.finish()
    story.say("the user wants 2 trials")
    story.world.wish(budget=Budget(max_trials=2), reopen=True)
    story.finish()
    assert count(story, TrialState.SUCCEEDED) == 2


def test_killed_after_each_prefix_of_a_look(tell):
    story = tell(new_study(max_trials=2, parallel=2))
    story.look()
    for prefix in (0, 1, 2):
        effects = story.world.effects()
        done = effects[:prefix]
        for effect in done:
            effect.do()
        story.say(f"kill -9 after {', '.join(effect.name for effect in done) or 'the look'}")
        story.world.die()
    story.finish()
    assert count(story, TrialState.SUCCEEDED) == story.world.study.summary.created == 2
    assert all(len(runs) == 1 for runs in story.world.runner.annals.values())


def test_the_machine_restarts_under_running_pending_and_finished_trials(tell):
    story = tell(new_study(max_trials=3, parallel=2), fate=fates(t2=[Fate(seconds=9.0)]))
    story.look(4)
    story.say("the machine restarts: no run survives, the runner remembers nothing")
    story.world.die()
    story.world.runner.wipe()
    story.finish()
    assert [trial.attempt for trial in story.world.store.trials.values()] == [1, 2, 1]


def test_an_old_view_is_refused(tell):
    story = tell(new_study(max_trials=1), fate=lambda _key: Fate(seconds=2.0))
    story.look(2)
    effects = story.world.effects()
    story.say("before anything of this is done, the user stops the study")
    story.world.wish(stop=True)
    with pytest.raises(Conflict):
        effects[0].do()
    story.finish()
    assert reason(story) is StudyReason.STOPPED


def test_reports_that_lag_delay_and_do_no_harm(tell):
    story = tell(new_study(max_trials=2, parallel=1), memory=4)
    story.look(9, lag=Lag(reports=2))
    assert count(story, TrialState.SUCCEEDED) == 2


def test_the_clock_is_set_back_a_day_during_a_pause(tell):
    story = tell(new_study(max_trials=1), fate=fates(t1=[Fate(code=1)]), retry=RetryPolicy(retries=1, first_delay=30.0))
    story.look(4)
    story.say("the clock is set back by a day")
    story.world.clock.advance(-86_400.0)
    story.finish()
    assert count(story, TrialState.SUCCEEDED) == 1


def test_a_hopeless_trial_is_stopped_early_and_frees_its_place(tell):
    story = tell(new_study(max_trials=2, parallel=1), fate=fates(t1=[Fate(seconds=99.0, reports=(2.0,))]))
    story.look(3)
    story.say("early stopping finds that trial 1 is hopeless")
    story.world.judge(1, 1)
    story.finish()
    assert count(story, TrialState.EARLY_STOPPED) == count(story, TrialState.SUCCEEDED) == 1


def test_killed_between_a_verdict_and_the_stop(tell):
    story = tell(new_study(max_trials=1), fate=fates(t1=[Fate(seconds=99.0, reports=(2.0,))]))
    story.look(3)
    story.say("early stopping finds that trial 1 is hopeless")
    story.world.judge(1, 1)
    commit, *_stop = story.world.effects()
    commit.do()
    story.say("kill -9 after the commit; what was found is forgotten, what is on record is not")
    story.world.die()
    story.finish()
    trial = story.world.store.trials[1]
    assert (trial.state, trial.attempt, trial.value) == (TrialState.EARLY_STOPPED, 1, 2.0)


def test_it_ends_well_just_before_it_would_be_stopped(tell):
    story = tell(new_study(max_trials=1), fate=fates(t1=[Fate(seconds=99.0, reports=(2.0,))]))
    story.look(3)
    story.say("early stopping finds that trial 1 is hopeless, and it ends by itself while that goes on record")
    story.world.judge(1, 1)
    effects = story.world.effects()
    story.world.runner.end((make.trial(1).name, 1))
    for effect in effects:
        effect.do()
    story.finish()
    assert (count(story, TrialState.SUCCEEDED), story.world.store.trials[1].value) == (1, 2.0)


def test_it_breaks_just_before_it_would_be_stopped_and_its_next_attempt_is_let_be(tell):
    story = tell(
        new_study(max_trials=1),
        fate=fates(t1=[Fate(seconds=99.0), Fate(seconds=2.0, reports=(0.3,))]),
        retry=RetryPolicy(retries=1),
    )
    story.look(3)
    story.say("early stopping finds that trial 1 is hopeless, and it crashes by itself while that goes on record")
    story.world.judge(1, 1)
    commit, *_stop = story.world.effects()
    story.world.runner.end((make.trial(1).name, 1), Fate(code=1))
    commit.do()
    story.finish()
    trial = story.world.store.trials[1]
    assert (trial.state, trial.attempt, trial.stopped_by) == (TrialState.SUCCEEDED, 2, None)


def test_a_verdict_on_an_attempt_that_is_lost_does_not_end_the_next_one(tell):
    story = tell(new_study(max_trials=1), fate=fates(t1=[Fate(phase=Phase.LOST, seconds=2.0), Fate(seconds=3.0)]))
    story.look(4)
    story.say("early stopping finds, too late, that attempt 1 of trial 1 was hopeless")
    story.world.judge(1, 1)
    story.finish()
    assert (count(story, TrialState.SUCCEEDED), story.world.store.trials[1].attempt) == (1, 2)


def test_no_story_is_left_behind():
    told = {name.removeprefix("test_") for name in globals() if name.startswith("test_")} - {"no_story_is_left_behind"}
    assert {path.stem for path in GOLDEN.glob("*.txt")} == told
