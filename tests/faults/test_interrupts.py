"""An interrupt at each place of policy where the interpreter looks for one."""

from __future__ import annotations

from switchlib import greenlet
from tests.faults.actions import ACTIONS, Action, chain_of, every_action, strike


def interrupt() -> None:
    raise KeyboardInterrupt


@every_action
def test_an_interrupt_anywhere_in_policy(name, shortcuts, unraisable):
    """It comes out of the call that was interrupted, and nothing has changed;
    at an end it goes to the parent.
    """
    action, places, came_out = ACTIONS[name], 0, 0
    for outcome, expected, act in strike(interrupt, action):
        places += 1
        if isinstance(outcome, KeyboardInterrupt):
            came_out += 1
            if action.again:
                assert act() == expected
        else:
            # It was interrupted in a greenlet that took no harm, or in a kill that reports nothing.
            assert outcome == expected
    assert shortcuts or places > 1
    assert came_out or unraisable or shortcuts
    assert set(unraisable) <= {KeyboardInterrupt}


def test_an_interrupt_at_an_end_hides_no_exception(shortcuts):
    def make():
        each = greenlet(lambda: [].pop())

        def act():
            try:
                each.switch()
            except BaseException as exception:
                return chain_of(exception)

        return act, [IndexError]

    outcomes = [outcome for outcome, _, _ in strike(interrupt, Action(make, again=False))]
    assert all(IndexError in outcome for outcome in outcomes if outcome != [KeyboardInterrupt])
    assert shortcuts or outcomes.count([KeyboardInterrupt, IndexError]) > 3
