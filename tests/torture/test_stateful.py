"""Drawn runs against models, with a small budget; `make torture` has a large one."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.torture import graphs
from tests.torture.arm_model import ArmMachine


@settings(max_examples=80, deadline=None)
@given(graphs.scenes())
def test_the_engine_on_drawn_graphs_with_troubles(scene: graphs.Scene):
    asyncio.run(graphs.play(scene))


@settings(max_examples=40, deadline=None)
@given(graphs.scenes(cancelled=True))
def test_the_engine_is_cancelled_at_any_round(scene: graphs.Scene):
    asyncio.run(graphs.play(scene))


@pytest.mark.usefixtures("fast_sandbox")
def test_arm_against_a_model():
    run_state_machine_as_test(ArmMachine, settings=settings(max_examples=12, stateful_step_count=25, deadline=None))
