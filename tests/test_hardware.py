"""Devices: dense peaks, one ridge for each dtype, a source for each figure."""

import json

import pytest

from helpers.hardware import DEVICES, device, measure


@pytest.mark.parametrize(
    ("name", "dtype", "ridge"),
    [
        # peak ÷ bandwidth, the ridges that unit 04 teaches
        ("H100", "bf16", 295),
        ("H100", "tf32", 148),
        ("H100", "fp32", 20),
        ("A100", "bf16", 153),
        ("H200", "bf16", 206),
        ("T4", "fp16", 203),
        ("L4", "bf16", 403),
        ("M2Pro", "fp32", 34),
    ],
)
def test_a_ridge_belongs_to_one_dtype(name, dtype, ridge):
    assert device(name).ridge(dtype) == pytest.approx(ridge, abs=0.6)


def test_312_tflops_of_the_a100_are_bf16_and_tf32_is_half():
    assert device("A100").peak_at("bf16") == 312e12
    assert device("A100").peak_at("tf32") == 156e12


def test_every_device_says_where_its_figures_come_from():
    assert all(found.source for found in DEVICES.values())


def test_a_card_has_a_little_less_than_its_gb_in_powers_of_two():
    for name in ("A100", "H100", "RTX4090", "T4"):
        found = device(name)
        assert 0.92 * 2**30 < found.usable / (found.memory / 1e9) < 2**30
    assert device("L4").usable == device("L4").memory  # where no figure is known


def test_the_t4_has_no_bf16():
    with pytest.raises(ValueError, match="T4 has no bf16 peak here: use fp16, fp32"):
        device("T4").ridge("bf16")


def test_names_are_found_however_they_are_written():
    assert device("rtx 4090") is DEVICES["RTX4090"]


def test_an_unknown_device_lists_the_known_ones():
    with pytest.raises(ValueError, match="unknown device 'H1000': use one of A100, H100"):
        device("H1000")


def test_the_cpu_of_a_machine_with_a_gpu_is_measured_on_the_cpu(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    name = measure(seconds=0).name
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert measure(seconds=0, on_cpu=True).name == name


def test_this_machine_is_measured_once_and_remembered(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = measure(seconds=0)
    low, high = first.flop_spread
    assert low <= first.flop_rate <= high
    assert first.ridge == first.flop_rate / first.bandwidth
    assert measure(seconds=0) == first
    assert measure(seconds=0).as_device().ridge("fp32") == first.ridge


def test_a_damaged_cache_is_measured_anew(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    measure(seconds=0)
    (cache,) = (tmp_path / "network-costs").glob("*.json")
    cache.write_text("{")
    measure(seconds=0)
    assert json.loads(cache.read_text())["flop_rate"] > 0
