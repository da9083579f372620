"""What counts as a change of somebody's environment."""

from tests.environments.beside import SETS, bare, changed, same


def test_a_new_package_changes_nothing() -> None:
    assert changed({"ccxt": "4.5"}, {"ccxt": "4.5", "fastopts": "0.1.0"}) == []


def test_another_version_and_a_missing_package_are_changes() -> None:
    assert changed({"redis": "8.1", "rich": "15"}, {"redis": "5.2"}) == [
        "redis 8.1 by 5.2",
        "rich 15 by nothing",
    ]


def test_names_are_compared_as_pip_does() -> None:
    assert bare("pandas<3") == "pandas"
    assert same("nautilus_trader", "nautilus-trader")
    assert not same("pandas", "polars")


def test_the_last_set_has_the_packages_of_all_projects() -> None:
    names = {name for name, packages in SETS.items() if packages == (name,)}
    assert names <= set(SETS["everything"])
