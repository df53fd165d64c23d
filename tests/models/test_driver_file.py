"""A TOML file extends the driver table, and whatever is wrong in it is named with file and key."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from models.driver_file import read_drivers
from models.drivers import BUILT_IN, DriverKnowledge
from models.errors import InputError


def file(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_rows_are_added_and_replaced_and_the_rest_stays(tmp_path: Path) -> None:
    path = file(
        tmp_path,
        '[drivers.mlx5_core]\nhooks = true\nverified = true\nsource = "a rack"\n[drivers.nvme]\nverified = false\n',
    )
    table = read_drivers(path)
    assert table.knowledge("mlx5_core") == DriverKnowledge(True, True, "a rack")
    assert table.knowledge("nvme") == DriverKnowledge(False, False, str(path))
    assert table.survives_move("amdgpu")
    assert BUILT_IN.survives_move("nvme")
    assert pickle.loads(pickle.dumps(table)) == table


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    assert read_drivers(file(tmp_path, "# nothing yet\n")) == BUILT_IN


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[driver.nvme]\n", "driver: unknown key, expected drivers"),
        ("drivers = 3\n", "drivers: expected a table for each driver, [drivers.NAME]"),
        ("[drivers]\nnvme = true\n", "drivers.nvme: expected a table with hooks, verified and source"),
        ("[drivers.nvme]\nverifed = true\n", "drivers.nvme.verifed: unknown key, expected hooks, verified, source"),
        ("[drivers.nvme]\nhooks = 1\n", "drivers.nvme.hooks: expected true or false, found 1"),
        ("[drivers.nvme]\nsource = true\n", "drivers.nvme.source: expected a text in quotes, found True"),
        ("[drivers.vfio-pci]\n[drivers.vfio_pci]\n", "drivers.vfio_pci: stands twice, as vfio-pci and as vfio_pci"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_key(tmp_path: Path, text: str, message: str) -> None:
    path = file(tmp_path, text)
    with pytest.raises(InputError) as caught:
        read_drivers(path)
    assert str(caught.value) == f"{path}: {message}"


@pytest.mark.parametrize("text", ["[drivers.nvme]\n[drivers.nvme]\n", "[drivers\n", "drivers.nvme.hooks = yes\n"])
def test_what_is_no_toml_is_one_line_that_names_the_file(tmp_path: Path, text: str) -> None:
    path = file(tmp_path, text)
    with pytest.raises(InputError) as caught:
        read_drivers(path)
    assert str(caught.value).startswith(f"{path}: is no TOML: ")
    assert "\n" not in str(caught.value)
