"""Threads for scikit-learn inside the sandbox, where the semaphores that joblib's own pools want do not exist."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from joblib import parallel_config, register_parallel_backend  # noqa: TID251 - its threads only, nothing is loaded
from joblib.parallel import ParallelBackendBase  # noqa: TID251 - as above


class PlainThreads(ParallelBackendBase):
    """joblib on a thread pool of the standard library."""

    supports_retrieve_callback = True
    uses_threads = True
    supports_sharedmem = True
    _pool: ThreadPoolExecutor | None = None

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """As many threads as asked for; one where nothing or 'all' is said, since the caller limits threads."""
        return max(1, n_jobs or 1)

    def configure(self, n_jobs: int = 1, parallel: Any = None, **_: Any) -> int:
        """Start the pool."""
        self.parallel = parallel
        workers = self.effective_n_jobs(n_jobs)
        self._pool = ThreadPoolExecutor(workers)
        return workers

    def submit(self, func: Callable[[], Any], callback: Callable[[Future[Any]], Any] | None = None) -> Future[Any]:
        """Run one batch."""
        assert self._pool is not None
        future = self._pool.submit(func)
        if callback is not None:
            future.add_done_callback(callback)
        return future

    def retrieve_result_callback(self, out: Future[Any]) -> Any:
        """The result of a finished batch, or its error."""
        return out.result()

    def terminate(self) -> None:
        """End the pool."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    def abort_everything(self, ensure_ready: bool = True) -> None:
        """Drop what has not started; used after an error."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None
        if ensure_ready:
            self.configure(n_jobs=self.parallel.n_jobs, parallel=self.parallel)


register_parallel_backend("tenure", PlainThreads)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Everything that scikit-learn does in parallel within this block runs on that many plain threads."""
    with parallel_config(backend="tenure", n_jobs=count):
        yield
