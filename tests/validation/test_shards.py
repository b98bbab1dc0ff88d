"""A sweep loses nothing: not to kills, full disks, damaged files or failing jobs; and its bits depend on none of these."""

import errno
import json
import os
import signal
import struct
import time
import warnings
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import court_jobs
import numpy as np
import pytest
from court_jobs import Inline

from eyring.errors import JobError, ParameterError, StorageError
from eyring.validation.court import workers
from eyring.validation.court.shards import Job, load, run_shards

SWEEP = {f"rate {rate}, seed {seed}": Job(court_jobs.clocks, {"rate": rate, "count": 50, "seed": seed}) for rate in (0.5, 2.0) for seed in (3, 4, 5)}


def files(folder):
    return {path.name: path.read_bytes() for path in sorted(Path(folder).glob("*.npz"))}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The sweep run once, in this process."""
    folder = tmp_path_factory.mktemp("whole")
    run_shards(SWEEP, folder, executor=Inline())
    return folder


def test_results_are_those_of_the_functions(whole):
    kept = run_shards(SWEEP, whole)
    assert list(kept) == list(SWEEP)
    for name, job in SWEEP.items():
        for key, value in court_jobs.clocks(**job.arguments).items():
            assert np.array_equal(kept[name][key], value)


def test_no_bit_depends_on_the_executor(whole, tmp_path):
    """This process, fresh processes of the default pool, threads: the files are equal byte for byte."""
    seen = []
    run_shards(SWEEP, tmp_path / "pool", progress=lambda what, fraction: seen.append((what, round(6 * fraction))))
    assert seen == [("shards", n) for n in range(7)]
    with ThreadPoolExecutor(2) as threads:
        run_shards(SWEEP, tmp_path / "threads", executor=threads)
    assert files(tmp_path / "pool") == files(tmp_path / "threads") == files(whole)
    assert len(files(whole)) == len(SWEEP)


def test_the_manifest_says_plan_versions_seeds_and_device(whole):
    said = json.loads((whole / "manifest.json").read_text())
    assert said["seed"] == [3, 4, 5]
    assert said["device"] == ["cpu"]
    assert said["versions"]["numpy"] == np.__version__
    assert said["plan"]["rate 2.0, seed 5"]["arguments"] == {"rate": 2.0, "count": 50, "seed": 5}
    assert said["plan"]["rate 2.0, seed 5"]["function"] == "court_jobs:clocks"


def test_finished_shards_are_not_computed_again(whole, monkeypatch):
    before = {path: path.stat().st_mtime_ns for path in whole.glob("*.npz")}
    monkeypatch.setattr(np.random, "default_rng", None)
    run_shards(SWEEP, whole, executor=Inline())
    assert {path: path.stat().st_mtime_ns for path in whole.glob("*.npz")} == before


def test_without_resume_everything_is_computed_anew(whole, tmp_path):
    run_shards(SWEEP, tmp_path, executor=Inline())
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.npz")}
    run_shards(SWEEP, tmp_path, executor=Inline(), resume=False)
    assert all(path.stat().st_mtime_ns > old for path, old in before.items())
    assert files(tmp_path) == files(whole)


CHANGED = {
    "another number": ({**SWEEP, "rate 2.0, seed 5": Job(court_jobs.clocks, {"rate": 2.0, "count": 51, "seed": 5})}, "count: 50 there, 51 asked for"),
    "another kind of number": ({**SWEEP, "rate 2.0, seed 5": Job(court_jobs.clocks, {"rate": 2, "count": 50, "seed": 5})}, "rate: 2.0 there, 2 asked"),
    "another function": ({**SWEEP, "rate 2.0, seed 5": Job(court_jobs.broken, {"rate": 2.0, "count": 50, "seed": 5})}, "differs in function; source"),
    "one job less": (dict(list(SWEEP.items())[1:]), "6 jobs, 1 of them not among the 5"),
    "one job more": ({**SWEEP, "more": Job(court_jobs.nothing, {})}, "1 are new .the first: 'more'"),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGED)
def test_a_folder_of_another_plan_is_refused(what, whole):
    jobs, said = CHANGED[what]
    before = files(whole)
    with pytest.raises(ParameterError, match=f"belongs to another plan: .*{said}"):
        run_shards(jobs, whole)
    assert files(whole) == before


def test_changed_code_is_another_plan(whole, monkeypatch):
    monkeypatch.setattr("inspect.getsource", lambda function: "def clocks(*, rate, count, seed, pause=0.0): return {}")
    with pytest.raises(ParameterError, match="differs in source"):
        run_shards(SWEEP, whole)


def test_versions_are_not_mixed_but_finished_results_stay_readable(whole, tmp_path, monkeypatch):
    run_shards(SWEEP, tmp_path, executor=Inline())
    said = json.loads((tmp_path / "manifest.json").read_text())
    said["versions"]["numpy"] = "1.0"
    (tmp_path / "manifest.json").write_text(json.dumps(said))
    assert len(run_shards(SWEEP, tmp_path)) == 6
    next(tmp_path.glob("*.npz")).unlink()
    with pytest.raises(ParameterError, match=r"began with numpy 1\.0, now"):
        run_shards(SWEEP, tmp_path)


SAID = {
    "truncated": "it is no NPZ file, or it was cut off",
    "empty": "it is no NPZ file, or it was cut off",
    "text": "it is no NPZ file, or it was cut off",
    "a pickle": "it is no NPZ file, or it was cut off",
    "a flipped bit": "it is damaged: Bad CRC",
    "no block of deflate": "it is damaged: Error -3 while decompressing",
    "pickled objects": "it holds pickled objects, which are never loaded",
    "without a label": "it is no shard of a sweep",
    "of another job": "is the shard of another job",
}


@pytest.mark.parametrize("damage", SAID)
def test_a_damaged_shard_is_named_and_the_others_kept(damage, whole, tmp_path):
    run_shards(SWEEP, tmp_path, executor=Inline())
    names = list(SWEEP)
    bad = tmp_path / f"{names[3]}.npz"
    content = bad.read_bytes()
    at = content.index(b"times.npy") + 200
    if damage == "pickled objects":
        np.savez(bad, times=np.array([{"a": 1}], dtype=object), allow_pickle=True)
    elif damage == "of another job":
        bad.write_bytes((tmp_path / f"{names[2]}.npz").read_bytes())
    elif damage == "without a label":
        np.savez(bad, times=np.zeros(3))
    else:
        flipped = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
        name_length, extra = struct.unpack("<HH", content[26:30])
        first = 30 + name_length + extra  # byte of the first array; its bits 1 and 2 are the kind of block, and there is no fourth
        unread = content[:first] + bytes([content[first] | 6]) + content[first + 1 :]
        text, pickled = b"nothing of numpy's", b"\x80\x04K\x01."
        bad.write_bytes({"truncated": content[:-40], "empty": b"", "a flipped bit": flipped, "text": text, "a pickle": pickled}.get(damage, unread))
    with pytest.raises(StorageError, match=r"shard .*run again: it alone is computed") as refusal:
        run_shards(SWEEP, tmp_path)
    assert str(bad) in str(refusal.value)
    assert SAID[damage] in str(refusal.value)
    assert "unsafely" not in str(refusal.value)
    bad.unlink()
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.npz")}
    run_shards(SWEEP, tmp_path)
    assert files(tmp_path) == files(whole)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


@pytest.mark.parametrize("executor", [None, Inline()], ids=["processes", "inline"])
def test_a_full_disk_ends_the_sweep_with_what_is_kept(executor, whole, tmp_path, monkeypatch):
    run_shards(dict(SWEEP), tmp_path / "made", executor=Inline())
    (folder := tmp_path / "full").mkdir()
    (folder / "manifest.json").write_bytes((tmp_path / "made" / "manifest.json").read_bytes())
    written = []

    def fsync(file):
        written.append(file)
        if len(written) > 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as full:
        full.setattr(os, "fsync", fsync)
        with pytest.raises(StorageError, match=r"'rate .*, seed .' cannot be written: the disk is full .*; 2 of 6 shards are kept"):
            run_shards(SWEEP, folder, executor=executor)
    assert len(files(folder)) == 2
    assert not list(folder.glob(".*.unfinished"))
    run_shards(SWEEP, folder, executor=Inline())
    assert files(folder) == files(whole)


def test_a_folder_that_cannot_be_written_is_refused_before_any_work(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written: Not a directory"):
        run_shards(SWEEP, tmp_path / "file" / "sweep")
    (tmp_path / "mixed").mkdir()
    np.savez(tmp_path / "mixed" / "old.npz", a=np.zeros(2))
    with pytest.raises(ParameterError, match="nobody can say what they are"):
        run_shards(SWEEP, tmp_path / "mixed")
    (tmp_path / "garbled").mkdir()
    (tmp_path / "garbled" / "manifest.json").write_text('{"eyring": "sweep", "plan": {}}')
    with pytest.raises(StorageError, match=r"is damaged \(it does not say 'digest'\)"):
        run_shards(SWEEP, tmp_path / "garbled")
    for executor in ("dask", 2):
        with pytest.raises(ParameterError, match=f"executor must have a submit method.* got {executor!r}"):
            run_shards(SWEEP, tmp_path / "new", executor=executor)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("versions", [None, "1.0"])
def test_a_manifest_without_versions_is_damaged(versions, whole, tmp_path):
    said = json.loads((whole / "manifest.json").read_text())
    said.pop("versions")
    (tmp_path / "manifest.json").write_text(json.dumps(said | ({"versions": versions} if versions else {})))
    with pytest.raises(StorageError, match=r"manifest\.json is damaged \(it does not say .*versions.*Put it back"):
        run_shards(SWEEP, tmp_path)


@pytest.mark.parametrize("executor", [None, Inline()], ids=["processes", "inline"])
def test_a_failing_job_is_named_and_costs_the_others_nothing(executor, whole, tmp_path):
    """Its exception cannot be pickled: that must not bring down the pool."""
    broken = {"bad one": Job(court_jobs.broken, {"seed": 7}), "objects": Job(court_jobs.objects, {}), "none": Job(court_jobs.nothing, {})}
    with pytest.raises(JobError, match="job 'bad one': DerivationError: the barrier of seed 7 is not there") as failure:
        run_shards(broken | SWEEP, tmp_path, executor=executor)
    assert set(failure.value.failed) == set(broken)
    assert "neither an array of numbers" in failure.value.failed["objects"]
    assert "returned a NoneType" in failure.value.failed["none"]
    assert "6 of 9 shards are kept" in str(failure.value)
    arrays = {path.stem: dict(np.load(path, allow_pickle=False)) for path in tmp_path.glob("*.npz")}
    assert set(arrays) == set(SWEEP)


def test_jobs_that_fail_alike_are_told_once(tmp_path):
    alike = {f"bad {letter}": Job(court_jobs.broken, {"seed": 7}) for letter in "abcde"}
    with pytest.raises(JobError) as failure:
        run_shards({**alike, "none": Job(court_jobs.nothing, {})}, tmp_path, executor=Inline())
    said = str(failure.value)
    assert said.startswith("5 jobs, 'bad a'; 'bad b'; 'bad c'; and 2 more: DerivationError: the barrier of seed 7 is not there; job 'none': ")
    assert said.count("DerivationError") == 1
    assert set(failure.value.failed) == {*alike, "none"}


def test_one_failing_job_alone_keeps_its_cause(tmp_path):
    with pytest.raises(JobError, match="'bad'") as failure:
        run_shards({"bad": Job(court_jobs.broken, {"seed": 1})}, tmp_path)
    assert failure.value.__cause__.difference() == 1


BAD_NAMES = ["", "../up", "a/b", ".hidden", "dot.", "x" * 130, "new\nline"]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_that_are_no_file_names_are_refused(name, tmp_path):
    with pytest.raises(ParameterError, match="becomes a file's"):
        run_shards({name: Job(court_jobs.nothing, {})}, tmp_path)


def test_work_that_cannot_be_sent_or_told_apart_is_refused(tmp_path):
    for function in (lambda: {}, Inline().submit, test_work_that_cannot_be_sent_or_told_apart_is_refused.__class__):
        with pytest.raises(ParameterError, match="cannot be imported by another process"):
            run_shards({"a": Job(function, {})}, tmp_path)
    for argument in (object(), np.array([object()]), {1, 2}, iter([1])):
        with pytest.raises(ParameterError, match="job 'a', seed"):
            run_shards({"a": Job(court_jobs.broken, {"seed": argument})}, tmp_path)
    with pytest.raises(ParameterError, match="at least one"):
        run_shards({}, tmp_path)
    assert not list(tmp_path.iterdir())


def test_two_runs_in_one_folder_are_refused(tmp_path):
    class Nosy(Inline):
        def submit(self, function, *arguments):
            with pytest.raises(ParameterError, match="another process computes in"):
                run_shards(SWEEP, tmp_path)
            return super().submit(function, *arguments)

    assert len(run_shards(SWEEP, tmp_path, executor=Nosy())) == 6


def test_jobs_run_on_one_thread_and_this_process_keeps_its_own(tmp_path):
    import torch

    before, variable = torch.get_num_threads(), os.environ.get("OMP_NUM_THREADS")
    torch.set_num_threads(3)
    looks = {name: Job(court_jobs.threads, {"load_torch": name == "torch"}) for name in ("torch", "the others")}
    try:
        for folder, executor in (("inline", Inline()), ("pool", None)):
            seen = run_shards(looks, tmp_path / folder, executor=executor)
            assert [int(found["threads"]) for found in seen.values()] == [1, 1]
        assert torch.get_num_threads() == 3
        assert os.environ.get("OMP_NUM_THREADS") == variable
    finally:
        torch.set_num_threads(before)


def test_a_run_killed_while_it_writes_leaves_whole_files_alone(whole, tmp_path, monkeypatch):
    """The process ends between the bytes and the name of its third shard."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads that wait for nothing do not mind
        child = os.fork()
    if child == 0:
        written = []
        os.fsync = lambda file: written.append(file) or (len(written) > 3 and os.kill(os.getpid(), signal.SIGKILL))
        try:
            run_shards(SWEEP, tmp_path, executor=Inline())
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert len(files(tmp_path)) == 2
    assert len(list(tmp_path.glob(".*.unfinished"))) == 1
    run_shards(SWEEP, tmp_path, executor=Inline())
    assert files(tmp_path) == files(whole)
    assert not list(tmp_path.glob(".*.unfinished"))


MANY = {f"seed {seed}": Job(court_jobs.clocks, {"rate": 1.0, "count": 2000, "seed": seed, "pause": 0.02}) for seed in range(200)}
def killed_sweep(tmp_path, kills, jobs):
    """Kill a sweep over local processes at random moments after it has kept more, let it finish, and return its files and those of a run left alone."""
    many = dict(list(MANY.items())[:jobs])
    run_shards(many, tmp_path / "alone", executor=ThreadPoolExecutor(8))
    folder, generator, killed = tmp_path / "killed", np.random.default_rng(kills), 0
    kept = {}
    for _ in range(kills):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # threads that wait for nothing do not mind
            child = os.fork()
        if child == 0:
            try:
                run_shards(many, folder)
            finally:
                os._exit(0)
        patience = time.monotonic() + 60
        while len(list(folder.glob("*.npz"))) <= len(kept) and time.monotonic() < patience:
            time.sleep(0.002)
        time.sleep(generator.uniform(0.0, 0.05))
        at_work = children(child)
        os.kill(child, signal.SIGKILL)
        killed += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        assert at_work
        assert all(gone(process) for process in at_work), "a process outlived the run that had begun it"
        there = {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.glob("*.npz")}
        assert kept.items() <= there.items(), "a finished shard was lost or written twice"
        kept = there
    finished = len(kept)
    run_shards(many, folder, executor=Inline())
    assert kept.items() <= {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.glob("*.npz")}.items()
    return files(folder), files(tmp_path / "alone"), killed, finished


def children(pid):
    return [int(text) for task in Path(f"/proc/{pid}/task").glob("*") for text in (task / "children").read_text().split()]


def gone(pid):
    patience = time.monotonic() + 20
    while Path(f"/proc/{pid}").exists() and "Z (zombie)" not in Path(f"/proc/{pid}/status").read_text() and time.monotonic() < patience:
        time.sleep(0.01)
    return time.monotonic() < patience


needs_proc = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks at processes in /proc")


@needs_proc
def test_a_killed_sweep_loses_nothing_and_counts_nothing_twice(tmp_path):
    resumed, alone, killed, finished = killed_sweep(tmp_path, kills=2, jobs=60)
    assert killed == 2
    assert 2 <= finished < 60
    assert resumed == alone


@needs_proc
@pytest.mark.exhaustive
def test_twenty_kills_at_random_moments_change_no_bit(tmp_path):
    resumed, alone, killed, finished = killed_sweep(tmp_path, kills=20, jobs=200)
    assert killed >= 15
    assert finished >= 20
    assert resumed == alone


def test_a_pool_that_loses_a_process_says_so_and_keeps_what_it_has(whole, tmp_path):
    pools = []

    class Watched(ProcessPoolExecutor):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            pools.append(self)

    def shoot(what, fraction):
        if 0.1 < fraction < 0.3:
            os.kill(next(iter(pools[0]._processes)), signal.SIGKILL)

    slow = {name: Job(court_jobs.clocks, {**job.arguments, "pause": 0.1}) for name, job in SWEEP.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workers, "ProcessPoolExecutor", Watched)
        with pytest.raises(JobError, match=r"ended before its work: killed, .* of 6 shards are kept"):
            run_shards(slow, tmp_path, progress=shoot)
    assert 1 <= len(files(tmp_path)) < 6
    again = run_shards(slow, tmp_path, executor=Inline())
    assert all(np.array_equal(again[name]["times"], found["times"]) for name, found in run_shards(SWEEP, whole).items())


def test_a_sweep_loads_as_one_dataset(whole, tmp_path):
    found = load(whole)
    assert list(found["job"].values) == list(SWEEP)
    assert found["rate"].values.tolist() == [0.5] * 3 + [2.0] * 3
    assert found["seed"].values.tolist() == [3, 4, 5] * 2
    assert found["mean"].dims == ("job",)
    assert found["spectrum"].shape == (6, 26)
    assert found["times"].shape == (51 + 50 + 51 + 51 + 50 + 51,)  # odd seeds draw one more: laid end to end, nothing padded
    for name, job in SWEEP.items():
        mine = found["times"].values[found["times_job"].values == name]
        assert np.array_equal(mine, court_jobs.clocks(**job.arguments)["times"])
        assert float(found["mean"].sel(job=name)) == mine.mean()
    assert found.attrs["unfinished"] == []
    with pytest.raises(StorageError, match="holds no sweep"):
        load(tmp_path)


def test_an_unfinished_sweep_loads_as_far_as_it_is(tmp_path):
    with pytest.raises(JobError):
        run_shards({"bad": Job(court_jobs.broken, {"seed": 1}), **SWEEP}, tmp_path, executor=Inline())
    found = load(tmp_path)
    assert found.sizes["job"] == 6
    assert found.attrs["unfinished"] == ["bad"]
