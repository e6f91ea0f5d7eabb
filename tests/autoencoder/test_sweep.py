from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latentscape.autoencoder import ConvAutoencoder, LatentSizeSweep
from latentscape.autoencoder.sweep import training_keys
from latentscape.engines import ProcessEngine, SerialEngine
from latentscape.errors import DataError, SettingError
from latentscape.images import ImageSet
from latentscape.types import Engine, Key, Progress, ProgressCallback, Result, Task

QUICK = ConvAutoencoder(n_epochs=2, batch_size=32)


def sweep(
    store: Path | None, engine: str | Engine = "serial", **settings: object
) -> LatentSizeSweep:
    defaults: dict[str, object] = {"latent_dims": (2, 5), "n_seeds": 2, "estimator": QUICK}
    return LatentSizeSweep(**{**defaults, **settings}, engine=engine, store=store)  # type: ignore[arg-type]


def weights(store: Path) -> dict[str, bytes]:
    """Each stored training's codes of a fixed image, which differ when any weight differs."""
    probe = np.random.default_rng(0).random((4, 28, 28)).astype(np.float32)
    return {
        path.name: ConvAutoencoder.load(path).transform(probe).tobytes()
        for path in sorted(store.glob("*.safetensors"))
    }


def test_results_have_a_row_for_each_training_and_pcas_beside_them(
    few_digits: ImageSet, tmp_path: Path
) -> None:
    events: list[Progress] = []
    fitted = sweep(tmp_path, callbacks=[events.append]).fit(few_digits)
    ours = fitted.results_.query("model == 'autoencoder'")
    assert list(zip(ours["latent_dim"], ours["seed"], strict=True)) == [
        (2, 0), (2, 1), (5, 0), (5, 1)
    ]  # fmt: skip
    for name in ("train_mse", "validation_mse", "test_mse"):
        assert ours[name].between(0.001, 0.2).all()
    model = fitted.model(5, 1)
    test_mse = ours.query("latent_dim == 5 and seed == 1")["test_mse"].item()
    assert -model.score(few_digits.test) == pytest.approx(test_mse, rel=1e-6)
    pca = fitted.results_.query("model == 'pca'")
    assert list(pca["latent_dim"]) == [2, 5]
    assert pca["test_mse"].is_monotonic_decreasing
    assert len(fitted.history_) == 8  # two epochs each
    assert fitted.best_latent_dim_ in (2, 5)
    assert fitted.n_trained_ == 4
    overall = [event for event in events if event.task == "sweep"]
    assert overall[-1].step == overall[-1].total
    assert {event.task for event in events} == {"sweep", "d2-s0", "d2-s1", "d5-s0", "d5-s1"}


def read_if_alive(file: Path) -> bytes:
    """Read a file of /proc; its thread or process may end at any moment."""
    try:
        return file.read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


class KillsAWorker:
    """Local processes, one of which is killed when its first training reports progress."""

    def __init__(self) -> None:
        self.killed = 0

    def map(
        self,
        task: Task[Key, Result],
        keys: Iterable[Key],
        *,
        on_progress: ProgressCallback | None = None,
    ) -> Iterator[tuple[Key, Result]]:
        def kill_once(event: Progress) -> None:
            children = [
                int(pid)
                for task_dir in Path("/proc/self/task").iterdir()
                for pid in read_if_alive(task_dir / "children").split()
            ]
            workers = [
                pid
                for pid in children
                if b"latentscape.engines.worker" in read_if_alive(Path(f"/proc/{pid}/cmdline"))
            ]
            if not self.killed and workers:
                os.kill(workers[0], signal.SIGKILL)
                self.killed += 1
            if on_progress is not None:
                on_progress(event)

        return ProcessEngine(2).map(task, keys, on_progress=kill_once)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the workers in /proc")
def test_every_engine_gives_the_same_bits_also_when_a_worker_is_killed(
    few_digits: ImageSet, tmp_path: Path
) -> None:
    killing = KillsAWorker()
    engines: dict[str, Engine] = {
        "serial": SerialEngine(), "processes": ProcessEngine(2), "killed": killing
    }  # fmt: skip
    tables = {}
    for name, engine in engines.items():
        tables[name] = sweep(tmp_path / name, engine).fit(few_digits).results_
    assert killing.killed == 1
    expected = weights(tmp_path / "serial")
    assert len(expected) == 4
    assert len(set(expected.values())) == 4
    for name in ("processes", "killed"):
        assert weights(tmp_path / name) == expected
        columns = ["model", "latent_dim", "seed", "train_mse", "validation_mse", "test_mse"]
        assert tables[name][columns].equals(tables["serial"][columns])


def test_only_what_is_missing_is_trained(few_digits: ImageSet, tmp_path: Path) -> None:
    assert sweep(tmp_path).fit(few_digits).n_trained_ == 4
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*")}
    assert sweep(tmp_path).fit(few_digits).n_trained_ == 0
    assert sweep(tmp_path, n_seeds=3).fit(few_digits).n_trained_ == 2
    assert sweep(tmp_path, latent_dims=(2, 3, 5)).fit(few_digits).n_trained_ == 2
    assert all(path.stat().st_mtime_ns == at for path, at in before.items())
    damaged = next(iter(before))
    damaged.write_bytes(b"half a fi")
    assert sweep(tmp_path).fit(few_digits).n_trained_ == 1


def test_the_key_covers_what_decides_the_result_and_nothing_else(few_digits: ImageSet) -> None:
    def key(images: ImageSet = few_digits, **settings: object) -> str:
        template = ConvAutoencoder(**settings)  # type: ignore[arg-type]
        return str(training_keys(images, template, [2], n_seeds=1)[0])

    base = key()
    assert base == key(verbose=1, callbacks=[print], latent_dim=99, random_state=5)
    others = [
        key(n_epochs=7), key(batch_size=3), key(n_jobs=2), key(validation_fraction=0.2),
        key(few_digits.select(slice(0, 1300))),
    ]  # fmt: skip
    assert len({base, *others}) == len(others) + 1


def test_without_a_store_models_live_as_long_as_the_sweep(few_digits: ImageSet) -> None:
    fitted = sweep(None, latent_dims=(2,), n_seeds=1).fit(few_digits)
    folder = fitted.store_
    assert fitted.model(2).latent_dim == 2
    del fitted
    gc.collect()
    assert not folder.exists()


@pytest.mark.parametrize(
    ("setting", "value"),
    [("latent_dims", ()), ("latent_dims", (0,)), ("latent_dims", (2, 2)), ("n_seeds", 0)],
)
def test_impossible_settings(few_digits: ImageSet, setting: str, value: Any) -> None:
    with pytest.raises(SettingError, match=setting):
        sweep(None, **{setting: value}).fit(few_digits)


def test_data_without_a_split(few_digits: ImageSet) -> None:
    with pytest.raises(DataError, match="training and test images, got 1200 and 0"):
        sweep(None).fit(few_digits.train)
    with pytest.raises(DataError, match="needs an ImageSet"):
        sweep(None).fit(few_digits.images)
    with pytest.raises(SettingError, match="no model with latent_dim=7"):
        sweep(None, latent_dims=(2,), n_seeds=1).fit(few_digits).model(7)
