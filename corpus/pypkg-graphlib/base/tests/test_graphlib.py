import pytest

from toolbox.graphlib import CycleError, TopologicalSorter


def test_what_is_needed_comes_first():
    order = list(TopologicalSorter({"app": ["lib", "log"], "lib": ["base"], "log": ["base"]}).static_order())
    assert order[0] == "base"
    assert order[-1] == "app"


def test_needs_may_be_added_one_by_one():
    sorter = TopologicalSorter()
    sorter.add("app", "lib")
    sorter.add("app", "log")
    sorter.add("log", "lib")
    assert list(sorter.static_order()) == ["lib", "log", "app"]


def test_a_cycle_is_named():
    with pytest.raises(CycleError) as raised:
        TopologicalSorter({"a": ["b"], "b": ["a"]}).prepare()
    assert set(raised.value.args[1]) == {"a", "b"}


def test_ready_nodes_come_in_groups():
    sorter = TopologicalSorter({"c": ["a", "b"]})
    sorter.prepare()
    assert sorted(sorter.get_ready()) == ["a", "b"]
    assert not sorter.get_ready()
    sorter.done("a", "b")
    assert sorter.get_ready() == ("c",)
    sorter.done("c")
    assert not sorter.is_active()


def test_nothing_is_added_once_prepared():
    sorter = TopologicalSorter({"a": []})
    sorter.prepare()
    with pytest.raises(ValueError):
        sorter.add("b")


def test_a_node_can_not_be_done_before_its_time():
    sorter = TopologicalSorter({"a": ["b"]})
    sorter.prepare()
    with pytest.raises(ValueError):
        sorter.done("a")
