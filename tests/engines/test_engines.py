import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, cast

import pytest

from latentscape.engines import ProcessEngine, SerialEngine, make_engine, usable_cores
from latentscape.errors import DataError, SettingError, WorkerError
from latentscape.types import Engine, Progress

HERE = Path(__file__).parent
SOURCE = HERE.parents[1] / "src"
sys.path.insert(0, str(HERE))  # so that this process and the workers find the tasks

import engine_tasks as tasks  # noqa: E402


def alive(pid: int) -> bool:
    """Say whether a process runs; a zombie that nobody has reaped does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with contextlib.suppress(OSError):  # where there is no /proc
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return True


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s in vain: {what}"
        time.sleep(0.02)


def pids_in(folder: Path) -> list[int]:
    return [int(file.name) for file in folder.iterdir()]


def children() -> list[int]:
    """Process ids of this process's workers."""
    table = []
    if Path("/proc/self/stat").exists():
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):  # it may end while we look
                parent = stat.read_text().rpartition(")")[2].split()[1]
                table.append((parent, stat.parent.name, (stat.parent / "cmdline").read_text()))
    else:
        command = ["ps", "-axo", "ppid=,pid=,args="]
        listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        table = [(a, b, c) for a, b, c in (line.split(None, 2) for line in listed.splitlines())]
    return [
        int(pid)
        for parent, pid, program in table
        if int(parent) == os.getpid() and "latentscape.engines.worker" in program
    ]


def run_script(text: str, folder: Path) -> subprocess.Popen[str]:
    script = folder / "script.py"
    script.write_text(textwrap.dedent(text))
    path = os.pathsep.join([str(SOURCE), str(HERE)])
    return subprocess.Popen(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("engine", [SerialEngine(), ProcessEngine(2)], ids=repr)
def test_engines_give_the_same_results(engine: Engine) -> None:
    results = list(engine.map(tasks.square, range(7)))
    assert sorted(results) == [(i, i * i) for i in range(7)]


@pytest.mark.parametrize("engine", [SerialEngine(), ProcessEngine(2)], ids=repr)
def test_no_keys_no_results(engine: Engine) -> None:
    assert list(engine.map(tasks.square, [])) == []


@pytest.mark.parametrize("engine", [SerialEngine(), ProcessEngine(2)], ids=repr)
def test_progress_arrives_in_the_consumers_thread(engine: Engine) -> None:
    seen: list[tuple[Progress, threading.Thread]] = []
    results = engine.map(
        tasks.two_steps,
        ["a", "b"],
        on_progress=lambda progress: seen.append((progress, threading.current_thread())),
    )
    assert sorted(results) == [("a", "A"), ("b", "B")]
    assert {thread for _, thread in seen} == {threading.current_thread()}
    for key in "ab":
        steps = [progress for progress, _ in seen if progress.task == key]
        assert steps == [Progress(key, 1, 2, {"loss": 0.5}), Progress(key, 2, 2)]


def test_the_serial_engine_keeps_the_order_and_works_only_when_asked() -> None:
    asked: list[int] = []

    def task(key: int, /, report: Callable[[Progress], None]) -> int:
        asked.append(key)
        return -key

    results = SerialEngine().map(task, [3, 1, 2])
    assert next(results) == (3, -3)
    assert asked == [3]
    assert list(results) == [(1, -1), (2, -2)]


def test_one_process_a_worker_never_more_than_keys_one_thread_each() -> None:
    results = dict(ProcessEngine(4).map(tasks.pid_and_threads, range(2)))
    pids = {pid for pid, _ in results.values()}
    assert os.getpid() not in pids
    assert len(pids) <= 2
    for _, environment in results.values():
        assert environment.pop("PYTHONPATH") == os.environ.get("PYTHONPATH")
        assert set(environment.values()) == {"1"}


def test_prints_and_reads_in_a_task_do_no_harm(capfd: pytest.CaptureFixture[str]) -> None:
    assert sorted(ProcessEngine(1).map(tasks.noisy, range(3))) == [(i, "") for i in range(3)]
    captured = capfd.readouterr()
    assert captured.out == ""
    for text in ("from Python 2", "from a child", "from C"):
        assert text in captured.err


def test_large_keys_and_results_pass() -> None:
    keys = [bytes([i]) + bytes(3_000_000) for i in range(3)]
    results = dict(ProcessEngine(2).map(tasks.big, keys))
    assert results == {key: key[::-1] for key in keys}


def test_a_killed_workers_task_is_sent_again(tmp_path: Path) -> None:
    results = list(ProcessEngine(2).map(tasks.DieOnce(tmp_path), range(6)))
    assert sorted(results) == [(i, i * i) for i in range(6)]
    assert len(list(tmp_path.glob("3-*"))) == 2


def test_a_worker_killed_from_outside_loses_nothing() -> None:
    iterator = ProcessEngine(2).map(tasks.slow_square, range(20))
    results = [next(iterator)]
    (victim, *_) = children()
    os.kill(victim, signal.SIGKILL)
    results += iterator
    assert sorted(results) == [(i, i * i) for i in range(20)]


def test_a_task_that_always_dies_is_given_up() -> None:
    with pytest.raises(WorkerError, match=r"'d32-s0' died 3 times.*SIGKILL.*fewer workers"):
        list(ProcessEngine(1).map(tasks.always_die, ["d32-s0"]))
    with pytest.raises(WorkerError, match=r"for 8 died 3 times.*exit code 7"):
        list(ProcessEngine(1).map(tasks.leave, [8]))


def test_a_death_is_seen_although_a_forked_child_lives_on() -> None:
    start = time.monotonic()
    with pytest.raises(WorkerError, match="SIGKILL"):
        list(ProcessEngine(1).map(tasks.die_with_a_forked_child, [1]))
    assert time.monotonic() - start < 20


def test_an_exception_passes_through_and_stops_the_others() -> None:
    start = time.monotonic()
    with pytest.raises(DataError, match="the third image is odd") as caught:
        list(ProcessEngine(2).map(tasks.fail, ["wait", "data"]))
    assert time.monotonic() - start < 20
    assert children() == []
    assert 'raise DataError("the third image is odd")' in str(caught.value.__cause__)
    with pytest.raises(SystemExit):
        list(ProcessEngine(1).map(tasks.fail, ["exit"]))


def test_an_exception_that_cannot_be_pickled_is_told() -> None:
    with pytest.raises(WorkerError, match="'awkward': AwkwardError: leftright") as caught:
        list(ProcessEngine(1).map(tasks.fail, ["awkward"]))
    assert "engine_tasks.py" in str(caught.value.__cause__)


def test_results_that_cannot_be_sent_are_told() -> None:
    with pytest.raises(TypeError, match="pickle"):
        list(ProcessEngine(1).map(tasks.unpicklable_result, [1]))
    with pytest.raises(WorkerError, match="result for 1 cannot be read back"):
        list(ProcessEngine(1).map(tasks.unreadable_result, [1]))


def test_tasks_that_cannot_be_sent_are_told() -> None:
    with pytest.raises(SettingError, match="the task cannot be sent"):
        ProcessEngine(1).map(lambda key, report: key, [1])
    with pytest.raises(SettingError, match="cannot be sent"):
        ProcessEngine(1).map(tasks.square, cast(Any, [threading.Lock()]))
    with pytest.raises(SettingError, match="cannot load the task"):
        list(ProcessEngine(1).map(tasks.UnloadableTask(), [1]))


def test_an_error_in_on_progress_ends_the_work() -> None:
    def complain(progress: Progress) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(ProcessEngine(2).map(tasks.two_steps, "abc", on_progress=complain))
    assert children() == []


def test_closing_the_iterator_ends_the_workers(tmp_path: Path) -> None:
    iterator = ProcessEngine(2).map(tasks.Wait(tmp_path), [0, 1, 2])
    assert next(iterator) == (0, 0)
    wait_until(lambda: len(pids_in(tmp_path)) == 2, "both workers at work")
    start = time.monotonic()
    cast(Generator[Any, None, None], iterator).close()
    assert time.monotonic() - start < 5
    assert not any(alive(pid) for pid in pids_in(tmp_path))


WAITING_SCRIPT = """
    import sys
    from pathlib import Path
    from engine_tasks import Wait
    from latentscape.engines import ProcessEngine
    for _ in ProcessEngine(2).map(Wait(Path({folder!r})), [1, 2, 3]):
        pass
    """


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_no_worker_outlives_its_parent(how: signal.Signals, tmp_path: Path) -> None:
    folder = tmp_path / "pids"
    folder.mkdir()
    parent = run_script(WAITING_SCRIPT.format(folder=str(folder)), tmp_path)
    try:
        wait_until(lambda: len(pids_in(folder)) == 2, "both workers at work")
        pids = pids_in(folder)
        assert all(alive(pid) for pid in pids)
        parent.send_signal(how)
        _, errors = parent.communicate(timeout=20)
        wait_until(lambda: not any(alive(pid) for pid in pids), "the workers' end")
        assert pids_in(folder) == pids  # nothing was started again
        assert ("KeyboardInterrupt" in errors) == (how == signal.SIGINT)
    finally:
        parent.kill()
        parent.communicate()


def test_workers_ignore_interrupts() -> None:
    iterator = ProcessEngine(2).map(tasks.slow_square, range(20))
    results = [next(iterator)]
    for pid in children():
        os.kill(pid, signal.SIGINT)
    results += iterator
    assert sorted(results) == [(i, i * i) for i in range(20)]


def test_a_script_needs_no_main_guard(tmp_path: Path) -> None:
    script = run_script(
        """
        from engine_tasks import square
        from latentscape.engines import ProcessEngine
        print("begin")
        print(sorted(ProcessEngine(2).map(square, range(3))))
        """,
        tmp_path,
    )
    output, errors = script.communicate(timeout=60)
    assert (output, errors) == ("begin\n[(0, 0), (1, 1), (2, 4)]\n", "")


def test_a_task_of_the_script_itself_is_refused_with_the_way_out(tmp_path: Path) -> None:
    script = run_script(
        """
        from latentscape.engines import ProcessEngine
        def main(key, report):  # the worker's module has a function of this name
            return key
        list(ProcessEngine(1).map(main, range(3)))
        """,
        tmp_path,
    )
    _, errors = script.communicate(timeout=60)
    assert script.returncode == 1
    assert "SettingError: a worker process cannot load the task" in errors.splitlines()[-1]
    assert "serial engine" in errors.splitlines()[-1]


def test_map_works_in_another_thread_and_twice_at_once() -> None:
    results: list[tuple[int, int]] = []
    engine = ProcessEngine(1)
    consumer = threading.Thread(target=lambda: results.extend(engine.map(tasks.square, [1, 2])))
    consumer.start()
    assert sorted(engine.map(tasks.square, [3, 4])) == [(3, 9), (4, 16)]
    consumer.join()
    assert sorted(results) == [(1, 1), (2, 4)]


def test_a_worker_that_cannot_start_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(WorkerError, match="could not be started"):
        list(ProcessEngine(1).map(tasks.square, [1]))


def test_what_is_not_a_message_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chatty = tmp_path / "python"
    chatty.write_text("#!/bin/sh\necho Welcome to this Python\n")
    chatty.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(chatty))
    with pytest.raises(WorkerError, match="Welcome"):
        list(ProcessEngine(1).map(tasks.square, [1]))


def test_make_engine() -> None:
    assert isinstance(make_engine("serial"), SerialEngine)
    assert isinstance(make_engine("serial", 1), SerialEngine)
    engine = make_engine("processes", 3)
    assert isinstance(engine, ProcessEngine)
    assert engine.n_workers == 3
    assert ProcessEngine().n_workers == usable_cores() >= 1
    with pytest.raises(SettingError, match="no engine 'dask'; take one of auto, serial, processes"):
        make_engine("dask")
    with pytest.raises(SettingError, match="works alone, got 2"):
        make_engine("serial", 2)


@pytest.mark.parametrize("n_workers", [0, -1, 1.5, "2", True])
def test_a_nonsense_number_of_workers_is_refused(n_workers: Any) -> None:
    with pytest.raises(SettingError, match="at least 1"):
        ProcessEngine(n_workers)


def test_importing_the_engines_is_light() -> None:
    code = "import sys, latentscape.engines; print(sorted({m.split('.')[0] for m in sys.modules}))"
    listed = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        check=True,
    )
    for heavy in ("torch", "pandas", "sklearn", "scipy", "matplotlib"):
        assert repr(heavy) not in listed.stdout
