from __future__ import annotations

import celery.states

from jobline.domain.state import TERMINAL, TRANSITIONS, State


def test_states_are_celerys_own_six() -> None:
    assert {state.value for state in State} == celery.states.ALL_STATES - {celery.states.RECEIVED} - {
        celery.states.REJECTED
    } - {celery.states.IGNORED}


def test_every_state_has_its_transitions() -> None:
    assert set(TRANSITIONS) == set(State)


def test_no_transition_leads_out_of_a_final_state() -> None:
    assert {state for state in State if not TRANSITIONS[state]} == TERMINAL
    assert {state for state in State if state.is_terminal} == set(celery.states.READY_STATES)


def test_every_state_is_reached_and_every_waiting_one_can_start() -> None:
    assert set().union(*TRANSITIONS.values()) == set(State)
    assert {state for state in State if State.STARTED in TRANSITIONS[state]} == {State.PENDING, State.RETRY}


def test_success_and_failure_come_from_a_running_attempt_alone() -> None:
    for final in (State.SUCCESS, State.FAILURE):
        assert [state for state in State if final in TRANSITIONS[state]] == [State.STARTED]


def test_what_is_not_final_can_be_cancelled() -> None:
    assert {state for state in State if State.REVOKED in TRANSITIONS[state]} == set(State) - TERMINAL
