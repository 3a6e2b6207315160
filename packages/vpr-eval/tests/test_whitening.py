"""PCA whitening against float64 restatements, both forms against each other, and the files."""

from __future__ import annotations

import errno
import json
import math
import re
import warnings

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from vpr_eval import Whitening, shorten, whitening, whitening_file


def restated(sample, dim, power=0.5):
    """Mean, covariance by loops, eigenvectors of the D x D matrix; W rows up to sign."""
    sample = sample.astype(np.float64)
    count, width = sample.shape
    mean = np.array([math.fsum(column) / count for column in sample.T])
    covariance = np.zeros((width, width))
    for row in sample:
        covariance += np.outer(row - mean, row - mean) / (count - 1)
    values, vectors = np.linalg.eigh(covariance)
    values, vectors = values[::-1][:dim], vectors[:, ::-1][:, :dim]
    weight = (vectors / (np.maximum(values, 0) + 1e-9) ** power).T
    for row in weight:
        row *= np.sign(row[np.abs(row).argmax()])
    return mean, values, weight


def descriptors(count, width, seed=0, dtype=np.float32):
    rng = np.random.default_rng(seed)
    mixing = rng.standard_normal((width, width)) * np.linspace(2, 0.1, width)
    rows = rng.standard_normal((count, width)) @ mixing + 0.3
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(
    ("count", "width", "dim"), [(40, 7, 7), (40, 7, 3), (9, 20, 8), (9, 20, 1), (3, 2, 2), (2, 5, 1)]
)
def test_fit_equals_the_formula(count, width, dim, dtype):
    sample = descriptors(count, width, dtype=dtype)
    mean, values, weight = restated(sample, dim)
    fitted = Whitening.fit(sample, dim=dim)
    np.testing.assert_allclose(fitted.mean, mean, rtol=1e-12)
    np.testing.assert_allclose(fitted.eigenvalues, values, rtol=1e-9, atol=1e-16)
    np.testing.assert_allclose(fitted.weight, weight, rtol=2e-6, atol=2e-6 * np.abs(weight).max())
    # Rounding W to float32 moves an inner product by up to 2^-24 of the sum of the magnitudes of its terms; 4 times
    # that is allowed.
    assert (np.abs(fitted.bias + weight @ mean) <= 2.0**-22 * (np.abs(weight) @ np.abs(mean))).all()
    assert (fitted.in_dim, fitted.out_dim, fitted.samples) == (width, dim, count)
    assert fitted.weight.dtype == fitted.bias.dtype == np.float32


@pytest.mark.parametrize("power", [0.0, 0.25, 0.5])
def test_the_sample_comes_out_with_the_variance_that_power_asks_for(power):
    sample = descriptors(500, 12, dtype=np.float64)
    fitted = Whitening.fit(sample, dim=12, power=power)
    out = sample @ fitted.weight.T.astype(np.float64) + fitted.bias
    covariance = np.cov(out, rowvar=False)
    np.testing.assert_allclose(covariance, np.diag(fitted.eigenvalues ** (1 - 2 * power)), atol=2e-5)
    np.testing.assert_allclose(out.mean(axis=0), 0, atol=1e-5)


def test_dual_form_equals_primal_form():
    """Zero columns change nothing but the form that is used."""
    sample = descriptors(30, 20)
    wide = np.concatenate([sample, np.zeros((30, 40), dtype=np.float32)], axis=1)
    primal, dual = Whitening.fit(sample, dim=15), Whitening.fit(wide, dim=15)
    np.testing.assert_allclose(dual.weight[:, :20], primal.weight, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(dual.weight[:, 20:], 0)
    np.testing.assert_allclose(dual.eigenvalues, primal.eigenvalues, rtol=1e-10)


@pytest.mark.parametrize("shape", [(50, 9), (9, 50)])
def test_parts_do_not_change_the_result(monkeypatch, shape):
    from vpr_eval import principal

    whole = Whitening.fit(descriptors(*shape), dim=6)
    monkeypatch.setattr(principal, "_BLOCK_VALUES", 64)
    parts = Whitening.fit(descriptors(*shape), dim=6)
    np.testing.assert_allclose(parts.weight, whole.weight, rtol=1e-5, atol=1e-6)


def test_transform_is_the_formula_on_unit_rows():
    fitted = Whitening.fit(descriptors(60, 30), dim=10)
    rows = descriptors(8, 30, seed=1)
    for given in (rows, rows.astype(np.float64), rows.astype(np.float16), np.asfortranarray(rows)):
        expected = given.astype(np.float64) @ fitted.weight.T.astype(np.float64) + fitted.bias
        expected /= np.linalg.norm(expected, axis=1, keepdims=True)
        out = fitted.transform(given)
        assert out.dtype == np.float32
        np.testing.assert_allclose(out, expected, atol=2e-5)
    np.testing.assert_allclose(np.linalg.norm(fitted.transform(rows), axis=1), 1, atol=1e-6)
    assert fitted.transform(rows[:0]).shape == (0, 10)


def test_a_vector_at_the_mean_comes_out_finite():
    fitted = Whitening(
        weight=np.eye(2, dtype=np.float32),
        bias=np.zeros(2, dtype=np.float32),
        mean=np.zeros(2),
        eigenvalues=np.ones(2),
        samples=3,
    )
    np.testing.assert_array_equal(fitted.transform(np.zeros((1, 2), dtype=np.float32)), 0)


def test_shorter_is_the_first_numbers_normalised_again():
    fitted = Whitening.fit(descriptors(60, 30), dim=10)
    rows = descriptors(8, 30, seed=1)
    short = shorten(fitted.transform(rows), 4)
    np.testing.assert_allclose(fitted.truncated(4).transform(rows), short, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(short, axis=1), 1, atol=1e-6)
    refitted = Whitening.fit(descriptors(60, 30), dim=4)
    np.testing.assert_allclose(refitted.transform(rows), short, atol=1e-5)


@pytest.mark.parametrize("shape", [(40, 12), (20, 64)])
def test_duplicates_lose_rank_and_nothing_else(shape):
    distinct = descriptors(6, shape[1])
    sample = distinct[np.arange(shape[0]) % 6]
    with pytest.warns(UserWarning, match="span only 5 directions .*dim is 8; outputs beyond are zero"):
        fitted = Whitening.fit(sample, dim=8)
    assert np.isfinite(fitted.weight).all()
    np.testing.assert_array_equal(fitted.weight[5:], 0)
    np.testing.assert_array_equal(fitted.eigenvalues[5:], 0)
    _, values, weight = restated(sample, 5)
    np.testing.assert_allclose(fitted.weight[:5], weight, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(fitted.eigenvalues[:5], values, rtol=1e-8)
    assert np.isfinite(fitted.transform(descriptors(5, shape[1], seed=3))).all()


def test_one_descriptor_repeated_spans_nothing():
    with pytest.warns(UserWarning, match="span only 0 directions"):
        fitted = Whitening.fit(np.tile(descriptors(1, 9), (7, 1)), dim=2)
    np.testing.assert_array_equal(fitted.weight, 0)


def test_more_than_the_limit_are_sampled_by_seed():
    sample = descriptors(300, 6)
    one, same, other = (Whitening.fit(sample, dim=3, limit=50, seed=seed) for seed in (1, 1, 2))
    assert one.samples == 50
    np.testing.assert_array_equal(one.weight, same.weight)
    assert not np.array_equal(one.weight, other.weight)
    chosen = np.sort(np.random.default_rng(1).choice(300, size=50, replace=False))
    np.testing.assert_array_equal(one.weight, Whitening.fit(sample[chosen], dim=3).weight)


def test_a_memory_map_will_do(tmp_path):
    sample = descriptors(40, 16)
    stored = np.memmap(tmp_path / "rows", dtype=np.float32, mode="w+", shape=sample.shape)
    stored[:] = sample
    np.testing.assert_array_equal(Whitening.fit(stored, dim=4).weight, Whitening.fit(sample, dim=4).weight)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Whitening.fit(descriptors(9, 20), dim=9), "dim: must be from 1 to min(n - 1, D) = 8 with n = 9"),
        (lambda: Whitening.fit(descriptors(9, 4), dim=5), "min(n - 1, D) = 4 with n = 9 descriptors of D = 4, got 5"),
        (lambda: Whitening.fit(descriptors(9, 4), dim=0), "dim: must be from 1"),
        (lambda: Whitening.fit(descriptors(1, 4), dim=1), "dim: must be from 1 to min(n - 1, D) = 0"),
        (lambda: Whitening.fit(descriptors(9, 4), dim=2, power=2), "power: must be from 0"),
        (lambda: Whitening.fit(descriptors(9, 4), dim=2, limit=1), "limit: must be at least 2"),
        (
            lambda: Whitening.fit(np.ones((9, 4), dtype=int), dim=2),
            "descriptors: must be floating-point (n, D), got int64",
        ),
        (lambda: Whitening.fit(np.ones(9), dim=2), "got float64 of shape (9,)"),
        (lambda: Whitening.fit(with_nan(), dim=2), "descriptors: row 6 is not finite"),
        (
            lambda: Whitening.fit(descriptors(9, 4), dim=2).transform(np.ones((2, 5))),
            "descriptors: shape (2, 5), must be (N, 4)",
        ),
        (lambda: Whitening.fit(descriptors(9, 4), dim=2).truncated(3), "dim: must be from 1 to 2, got 3"),
        (lambda: shorten(np.ones((2, 5)), 6), "dim: must be from 1 to 5, got 6"),
        (lambda: shorten(np.ones(5), 2), "descriptors: shape (5,), must be (N, D)"),
    ],
)
def test_messages(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()


def with_nan():
    rows = descriptors(9, 4)
    rows[6, 2] = np.nan
    return rows


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "whitening.safetensors"
    Whitening.fit(descriptors(40, 16), dim=4, power=0.25, fingerprint="vgg16").save(path)
    return path


def test_round_trip(saved):
    before, after = Whitening.fit(descriptors(40, 16), dim=4, power=0.25), Whitening.load(saved, fingerprint="vgg16")
    for name in ("weight", "bias", "mean", "eigenvalues"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
    assert (after.power, after.samples, after.fingerprint) == (0.25, 40, "vgg16")
    assert [entry.name for entry in saved.parent.iterdir()] == [saved.name]


def test_another_model_is_refused_by_both_names(saved):
    with pytest.raises(ValueError, match=r"fitted on descriptors of model 'vgg16', these come from model 'resnet18'"):
        Whitening.load(saved, fingerprint="resnet18")


@pytest.mark.fault
@pytest.mark.parametrize("share", np.linspace(0, 0.999, 23))
def test_a_flipped_bit_or_a_missing_end_is_noticed(saved, share):
    data = bytearray(saved.read_bytes())
    at = int(share * len(data))
    saved.write_bytes(data[:at])
    with pytest.raises(ValueError, match=r"^path: "):
        Whitening.load(saved)
    data[at] ^= 4
    saved.write_bytes(data)
    with pytest.raises(ValueError, match=r"^path: "):
        Whitening.load(saved)


@pytest.mark.parametrize("change", [{"power": 0.125}, {"samples": 7}, {"fingerprint": "another model"}, {"more": 1}])
def test_what_the_file_says_of_itself_is_part_of_its_hash(saved, change):
    """A file that is right in its tensors, with another model's name: not the file that was saved."""
    with safe_open(saved, framework="numpy") as file:
        metadata = file.metadata()
    said = json.loads(metadata["vpr-whitening"])
    assert {**said, **change} != said
    metadata["vpr-whitening"] = json.dumps({**said, **change}, sort_keys=True)
    save_file(load_file(saved), saved, metadata=metadata)
    with pytest.raises(ValueError, match=r"path: .* is damaged: its SHA-256 does not fit its content"):
        Whitening.load(saved)


def resigned(path, tensors, text):
    save_file(tensors, path, metadata={"vpr-whitening": text, "sha256": whitening_file._digest(tensors, text)})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "damaged metadata"),
        ("[]", "damaged metadata"),
        (json.dumps({"version": 1}), "damaged metadata"),
        (
            json.dumps({"version": 2, "power": 0.5, "samples": 3, "fingerprint": None}),
            "has version 2; this program reads version 1",
        ),
        (
            json.dumps({"version": 1, "power": 0.5, "samples": 3, "fingerprint": 7}),
            "fingerprint 7, which must be a string",
        ),
    ],
)
def test_strange_metadata_is_a_plain_error(saved, text, message):
    resigned(saved, load_file(saved), text)
    with pytest.raises(ValueError, match=message):
        Whitening.load(saved)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("weight", lambda tensor: tensor.astype(np.float64), "has weight of float64"),
        ("mean", lambda tensor: tensor[:-1].copy(), "shapes that do not fit each other"),
        ("bias", lambda tensor: tensor[None].copy(), "has bias of float32, shape (1, 4)"),
    ],
)
def test_strange_tensors_are_a_plain_error(saved, name, change, message):
    tensors = load_file(saved)
    tensors[name] = change(tensors[name])
    resigned(saved, tensors, json.dumps({"version": 1, "power": 0.5, "samples": 3, "fingerprint": None}))
    with pytest.raises(ValueError, match=re.escape(message)):
        Whitening.load(saved)


def test_other_files_are_refused(tmp_path):
    save_file({"weight": np.ones(2)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="but not one of a whitening"):
        Whitening.load(tmp_path / "other.safetensors")
    with pytest.raises(FileNotFoundError, match=r"path: .* does not exist"):
        Whitening.load(tmp_path / "nothing")


@pytest.mark.fault
def test_a_full_disk_leaves_the_old_file(saved, monkeypatch):
    old = saved.read_bytes()

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("vpr_eval.atomic.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        Whitening.fit(descriptors(40, 16, seed=2), dim=4).save(saved)
    assert saved.read_bytes() == old
    assert len(list(saved.parent.iterdir())) == 1


def test_no_warning_on_a_good_sample():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Whitening.fit(descriptors(40, 16), dim=16)


@pytest.mark.parametrize(
    ("count", "width", "dim", "power", "said"),
    [
        (19, 20, 10, 0.5, True),  # fewer images than numbers, and fewer than two for each that is kept
        (60, 64, 31, 0.25, True),
        (60, 64, 30, 0.5, False),  # two for each
        (20, 20, 19, 0.5, False),  # as many as numbers
        (19, 20, 10, 0.0, False),  # plain PCA makes no noise louder
    ],
)
def test_few_images_for_many_numbers_are_said(count, width, dim, power, said, caplog):
    Whitening.fit(descriptors(count, width), dim=dim, power=power)
    assert (len(caplog.records) == 1) == said
    if said:
        text = caplog.text
        assert f"whitening from {count} descriptors of {width} numbers to {dim}" in text
        assert whitening.FEW in text
