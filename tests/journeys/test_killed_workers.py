"""kill -9 of a worker in the middle of long work: it is taken up again, and there is one result."""

import pytest

from tests.journeys.running import Running, wait_for

# What is begun, the line of the Procfile that works on it, and the record that its result leaves.
WORK = {
    "reading": ("work", "dataset_version.profiled"),
    "training": ("compute", "run.succeeded"),
    "validation": ("validate", "run.finished"),
    "checking": ("work", "monitor.checked"),
}
RECORDS = "select count(*) from audit_record where subject_id = %s and action = %s"


@pytest.fixture
def begin(stack: Running, founded):
    """Begins long work inside the portal; the job's id. (Founding comes first: it needs an empty portal.)"""

    def begun(what: str) -> str:
        script = f"from tests.journeys import begin; begin.{what}()"
        return stack.manage("shell", "--verbosity", "0", "-c", script).split()[-1]

    return begun


def job(stack: Running, job_id: str) -> dict:
    """The job as it stands."""
    return stack.rows("select * from work_job where id = %s", job_id)[0]


@pytest.mark.parametrize("what", WORK)
def test_work_of_a_killed_worker_has_one_result(stack, begin, what):
    line, result = WORK[what]
    job_id = begin(what)
    running = wait_for(lambda: (row := job(stack, job_id))["done"] and row, 90, f"progress of {what}")
    assert running["state"] == "running", running
    stack.kill(line)
    assert job(stack, job_id)["state"] == "running"
    done = wait_for(lambda: (row := job(stack, job_id))["finished_at"] and row, 180, f"the end of {what}")
    assert (done["state"], done["error"], done["attempts"]) == ("succeeded", "", 2)
    assert stack.rows(RECORDS, str(done["subject_id"]), result) == [{"count": 1}]
