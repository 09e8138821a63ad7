"""The picture of the address space: what it counts must be what Azure counts."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from screens.widgets.space import AZURES, FREE, MACHINES, Space, picture, share, space_bar, subnet_bar


def space(network="10.0.0.0/16", subnet="10.0.1.0/24", machines=2):
    made = Space.read(network, subnet, "web", machines)
    assert made is not None
    return made


def test_counts_of_the_standard_network():
    standard = space()
    assert standard.room == 251
    assert standard.free == 249
    assert str(standard.first_machine) == "10.0.1.4"
    assert [str(address) for address in standard.kept] == ["10.0.1.0", "10.0.1.3", "10.0.1.255"]
    assert share(standard) == "1/256 of it"


def test_the_smallest_subnet_is_drawn_address_by_address():
    assert subnet_bar(space(subnet="10.0.0.0/29", machines=2), 24) == "▒▒▒▒██·▒"
    assert subnet_bar(space(subnet="10.0.0.0/29", machines=3), 24) == "▒▒▒▒███▒"


def test_the_subnet_stands_where_it_lies():
    assert space_bar(space("10.0.0.0/16", "10.0.128.0/17"), 16) == "░" * 8 + "█" * 8
    assert space_bar(space("10.0.0.0/16", "10.0.0.0/16"), 16) == "█" * 16
    assert space_bar(space("10.0.0.0/8", "10.255.255.248/29"), 16) == "░" * 15 + "█"


@pytest.mark.parametrize(
    ("network", "subnet"),
    [("10.0.0.0/16", "10.1.0.0/24"), ("10.0.0.0/16", "10.0.0.0/30"), ("nonsense", "10.0.0.0/24"), ("10.0.0.0/16", "")],
)
def test_no_picture_of_what_is_not_legal(network, subnet):
    assert Space.read(network, subnet, "web", 2) is None


def test_a_subnet_too_small_says_so():
    told = "\n".join(line.plain for line in picture(space(subnet="10.0.0.0/29", machines=9), 57))
    assert "✗ Room for 3 machines, not for 9." in told


@given(st.integers(8, 29), st.integers(0, 21), st.integers(0, 1000), st.integers(8, 80))
def test_bars_are_as_wide_as_asked_and_hide_nothing(outer, deeper, machines, width):
    network = IPv4Network(f"10.0.0.0/{outer}")
    subnet = next(network.subnets(new_prefix=min(29, outer + deeper)))
    one = space(str(network), str(subnet), machines)
    assert len(space_bar(one, width)) == min(width, network.num_addresses)
    bar = subnet_bar(one, width)
    assert len(bar) == min(width, subnet.num_addresses)
    assert bar[0] == bar[-1] == AZURES
    assert (MACHINES in bar) == (machines > 0)
    assert (FREE in bar) == (one.free > 0)


@pytest.mark.parametrize("width", [56, 57, 61, 90])
def test_lines_fit(width):
    for line in picture(space("100.100.128.0/17", "100.100.255.248/29"), width):
        assert line.cell_length <= width, line.plain
