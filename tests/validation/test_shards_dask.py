"""Beyond one machine: a cluster that loses a worker in the middle of a sweep ends with the same bits."""

import os
import signal

import court_jobs
import pytest

from eyring.validation.court.shards import Job, run_shards

distributed = pytest.importorskip("distributed")


def test_a_cluster_that_loses_a_worker_ends_with_the_same_bits(tmp_path):
    jobs = {f"seed {seed}": Job(court_jobs.clocks, {"rate": 1.0, "count": 500, "seed": seed, "pause": 0.05}) for seed in range(16)}
    shot = []
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        workers = client.run(os.getpid)
        assert len(set(workers.values()) - {os.getpid()}) == 2

        def shoot(what, fraction):
            if fraction > 0.2 and not shot:
                shot.append(next(iter(workers.values())))
                os.kill(shot[0], signal.SIGKILL)

        run_shards(jobs, tmp_path / "dask", executor=client.get_executor(), progress=shoot)
        assert shot[0] not in client.run(os.getpid).values()
    run_shards(jobs, tmp_path / "here", executor=None)
    assert len(list((tmp_path / "dask").glob("*.npz"))) == 16
    for one in (tmp_path / "dask").glob("*.npz"):
        assert one.read_bytes() == (tmp_path / "here" / one.name).read_bytes()
